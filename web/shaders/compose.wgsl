// The picture: source + luma -> the canvas, twice the crop's size.
//
// Right of the split: luma sharpened, colours enlarged bilinearly (on compressed video, whose colours are halved and quantised,
// that measured better than Lanczos and Catmull-Rom). Left of it, for comparison: the source enlarged bilinearly, as a browser
// enlarges a video. One invocation makes the four pixels between four source pixels, as in lanczos3.wgsl.
// A compute shader and not a render pass: GPUs made for computing have few units that draw (an H100 drew a frame of 2560x1440 in 2.8 ms).
// Joined with: look.wgsl, a canvas_*.wgsl, paint.wgsl. Runs once per corner: size + 1 on each side.

override TILE_X: u32 = 16;
override TILE_Y: u32 = 8;
// The strongest negative lobe of the sharpening cross, at sharpness 1.
override STRONGEST_LOBE: f32 = 0.1875;

@group(0) @binding(2) var source: texture_2d<f32>;
@group(0) @binding(3) var<storage, read> luma: array<f32>;

fn source_ycc(at: vec2i) -> vec3f {
    return textureLoad(source, clamp(at, vec2i(0), look.size - 1), 0).xyz;
}

fn luma_at(at: vec2i) -> f32 {
    return luma[luma_index(clamp(at, vec2i(0), 2 * look.size - 1))];
}

// After AMD's published description of Robust Contrast Adaptive Sharpening (FidelityFX Super Resolution 1, MIT): a cross of four
// neighbours with the strongest negative weight that cannot leave 0 to 1. Own code; and tighter, for compressed video: the
// result stays within the range of the five pixels, so that sharpening cannot draw halos.
fn sharpened(centre: f32, up: f32, left: f32, right: f32, down: f32) -> f32 {
    let least = min(min(up, down), min(left, right));
    let most = max(max(up, down), max(left, right));
    let to_black = least / max(4.0 * most, 1e-6);
    let to_white = (1.0 - most) / max(4.0 - 4.0 * least, 1e-6);
    let lobe = -min(min(to_black, to_white), STRONGEST_LOBE) * look.sharpness;
    let value = (centre + lobe * (up + left + right + down)) / (1.0 + 4.0 * lobe);
    return clamp(value, min(least, centre), max(most, centre));
}

@compute @workgroup_size(TILE_X, TILE_Y)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let corner = vec2i(id.xy) - 1;
    if (any(corner >= look.size)) {
        return;
    }
    // Output pixel centres lie a quarter of a pixel from their source pixel's: three quarters of it, one of the neighbour.
    let a = source_ycc(corner);
    let b = source_ycc(corner + vec2i(1, 0));
    let c = source_ycc(corner + vec2i(0, 1));
    let d = source_ycc(corner + vec2i(1, 1));
    let above_left = mix(a, b, 0.25);
    let above_right = mix(a, b, 0.75);
    let below_left = mix(c, d, 0.25);
    let below_right = mix(c, d, 0.75);
    let at = 2 * corner + 1;
    let top_left = luma_at(at);
    let top_right = luma_at(at + vec2i(1, 0));
    let bottom_left = luma_at(at + vec2i(0, 1));
    let bottom_right = luma_at(at + vec2i(1, 1));
    paint(at, mix(above_left, below_left, 0.25),
        sharpened(top_left, luma_at(at + vec2i(0, -1)), luma_at(at + vec2i(-1, 0)), top_right, bottom_left));
    paint(at + vec2i(1, 0), mix(above_right, below_right, 0.25),
        sharpened(top_right, luma_at(at + vec2i(1, -1)), top_left, luma_at(at + vec2i(2, 0)), bottom_right));
    paint(at + vec2i(0, 1), mix(above_left, below_left, 0.75),
        sharpened(bottom_left, top_left, luma_at(at + vec2i(-1, 1)), bottom_right, luma_at(at + vec2i(0, 2))));
    paint(at + vec2i(1, 1), mix(above_right, below_right, 0.75),
        sharpened(bottom_right, top_right, bottom_left, luma_at(at + vec2i(2, 1)), luma_at(at + vec2i(1, 2))));
}
