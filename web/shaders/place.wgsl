// Lays the upscaled window on the canvas where a moving crop lies in it, between pixels and at any zoom, and draws the spotlight.
// Keys' cubic (a = -1/2; IEEE ASSP 29, 1981) over the four nearest pixels each way; edges repeat. Where pixels meet pixels it is a copy.
// Joined with: a canvas_*.wgsl, spotlight.wgsl. Runs once per pixel of the canvas.

override TILE_X: u32 = 16;
override TILE_Y: u32 = 8;

struct Place {
    offset: vec2f,    // the crop's corner in the window's picture, in its pixels
    step: vec2f,      // its pixels to one of the canvas
    pixel: vec2f,     // source pixels to one of the canvas
    size: vec2i,      // the canvas's
    mark: Mark,
}

@group(0) @binding(1) var<uniform> place: Place;
@group(0) @binding(2) var picture: texture_2d<f32>;

fn weights(t: f32) -> vec4f {
    let t2 = t * t;
    let t3 = t2 * t;
    return vec4f(
        -0.5 * t3 + t2 - 0.5 * t,
        1.5 * t3 - 2.5 * t2 + 1.0,
        -1.5 * t3 + 2.0 * t2 + 0.5 * t,
        0.5 * t3 - 0.5 * t2,
    );
}

fn resampled(at: vec2f) -> vec3f {
    let first = floor(at);
    let across = weights(at.x - first.x);
    let down = weights(at.y - first.y);
    let last = vec2i(textureDimensions(picture)) - 1;
    var sum = vec3f(0.0);
    for (var j = 0; j < 4; j++) {
        var row = vec3f(0.0);
        for (var i = 0; i < 4; i++) {
            let tap = clamp(vec2i(first) + vec2i(i - 1, j - 1), vec2i(0), last);
            row += across[i] * textureLoad(picture, tap, 0).rgb;
        }
        sum += down[j] * row;
    }
    return clamp(sum, vec3f(0.0), vec3f(1.0));
}

@compute @workgroup_size(TILE_X, TILE_Y)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let pixel = vec2i(id.xy);
    if (any(pixel >= place.size)) {
        return;
    }
    let centre = vec2f(pixel) + 0.5;
    let rgb = resampled(place.offset + centre * place.step - 0.5);
    let fine = (place.pixel.x + place.pixel.y) / 2.0;
    textureStore(canvas, pixel, vec4f(marked(rgb, centre * place.pixel, fine, place.mark), 1.0));
}
