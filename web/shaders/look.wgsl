// What every stage may need to know about the crop and how it is drawn. pycore/upscaler/look.py packs it.

struct Look {
    origin: vec2i,      // the crop's top left pixel in the frame
    size: vec2i,        // the crop's size in pixels; the canvas is twice that
    split: f32,         // share of the width, from the left, that shows the picture before upscaling
    sharpness: f32,     // 0 to 1
}

@group(0) @binding(1) var<uniform> look: Look;

// Upscaled luma is a buffer: rows of whole cells (2x2 source pixels, 4x4 upscaled ones), of which what the crop has is used.
fn luma_index(at: vec2i) -> i32 {
    return at.y * ((look.size.x + 1) / 2 * 4) + at.x;
}
