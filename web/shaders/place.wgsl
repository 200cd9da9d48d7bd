// Lays the upscaled window on the canvas where a moving crop lies in it, between pixels and at any zoom, and draws the spotlight.
// Keys' cubic (a = -1/2; IEEE ASSP 29, 1981) over the four nearest pixels each way; edges repeat. Where pixels meet pixels it is a copy.
// A picture that is reduced is averaged over as much more, so that nothing aliases.
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

fn cubic(distance: f32) -> f32 {
    let x = abs(distance);
    let near = (1.5 * x - 2.5) * x * x + 1.0;
    let far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0;
    return select(select(0.0, far, x < 2.0), near, x < 1.0);
}

fn reduced(at: vec2f, step: vec2f) -> vec3f {
    let reach = max(step, vec2f(1.0));
    let low = vec2i(ceil(at - 2.0 * reach));
    let high = vec2i(floor(at + 2.0 * reach));
    let last = vec2i(textureDimensions(picture)) - 1;
    var sum = vec3f(0.0);
    var total = 0.0;
    for (var y = low.y; y <= high.y; y++) {
        let down = cubic((f32(y) - at.y) / reach.y);
        for (var x = low.x; x <= high.x; x++) {
            let weight = down * cubic((f32(x) - at.x) / reach.x);
            sum += weight * textureLoad(picture, clamp(vec2i(x, y), vec2i(0), last), 0).rgb;
            total += weight;
        }
    }
    return clamp(sum / total, vec3f(0.0), vec3f(1.0));
}

@compute @workgroup_size(TILE_X, TILE_Y)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let pixel = vec2i(id.xy);
    if (any(pixel >= place.size)) {
        return;
    }
    let centre = vec2f(pixel) + 0.5;
    let at = place.offset + centre * place.step - 0.5;
    var rgb: vec3f;
    if (all(place.step == vec2f(1.0)) && all(fract(place.offset) == vec2f(0.0))) {
        // Of the sixteen taps one has weight 1: a crop that stands still under a spotlight.
        let last = vec2i(textureDimensions(picture)) - 1;
        rgb = textureLoad(picture, clamp(pixel + vec2i(place.offset), vec2i(0), last), 0).rgb;
    } else if (all(place.step <= vec2f(1.0))) {
        rgb = resampled(at);
    } else {
        rgb = reduced(at, place.step);
    }
    let fine = (place.pixel.x + place.pixel.y) / 2.0;
    textureStore(canvas, pixel, vec4f(marked(rgb, centre * place.pixel, fine, place.mark), 1.0));
}
