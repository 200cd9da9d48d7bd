// What every stage may need to know about the crop and how it is drawn. pycore/upscaler/look.py packs it.

struct Look {
    origin: vec2i,      // the crop's top left pixel in the frame
    size: vec2i,        // the crop's size in pixels; the canvas is twice that
    split: f32,         // share of the width, from the left, that shows the picture before upscaling
    sharpness: f32,     // 0 to 1
}

@group(0) @binding(1) var<uniform> look: Look;
