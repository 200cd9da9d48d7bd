// The picture: source + luma -> the canvas, twice the crop's size.
//
// Right of the split: luma sharpened, colours enlarged bilinearly (on compressed video, whose colours are halved and quantised,
// that measured better than Lanczos and Catmull-Rom). Left of it, for comparison: the source enlarged bilinearly, as a browser
// enlarges a video. Joined with: look.wgsl. Draws one triangle over the whole canvas.

// The strongest negative lobe of the sharpening cross, at sharpness 1.
override STRONGEST_LOBE: f32 = 0.1875;

@group(0) @binding(0) var source: texture_2d<f32>;
@group(0) @binding(2) var luma: texture_2d<f32>;

@vertex
fn corners(@builtin(vertex_index) index: u32) -> @builtin(position) vec4f {
    return vec4f(f32(index & 1u) * 4.0 - 1.0, f32(index >> 1u) * 4.0 - 1.0, 0.0, 1.0);
}

fn source_ycc(at: vec2i) -> vec3f {
    return textureLoad(source, clamp(at, vec2i(0), look.size - 1), 0).xyz;
}

fn luma_at(at: vec2i) -> f32 {
    return textureLoad(luma, clamp(at, vec2i(0), 2 * look.size - 1), 0).x;
}

fn to_rgb(ycc: vec3f) -> vec3f {
    let r = ycc.x + 1.5748 * ycc.z;
    let b = ycc.x + 1.8556 * ycc.y;
    return vec3f(r, (ycc.x - 0.2126 * r - 0.0722 * b) / 0.7152, b);
}

// Output pixel centres lie a quarter of a pixel from their source pixel's: three quarters of it, one of the neighbour.
fn bilinear(at: vec2i) -> vec3f {
    let nearest = at / 2;
    let other = nearest + 2 * (at & vec2i(1)) - 1;
    let near_row = mix(source_ycc(nearest), source_ycc(vec2i(other.x, nearest.y)), 0.25);
    let other_row = mix(source_ycc(vec2i(nearest.x, other.y)), source_ycc(other), 0.25);
    return mix(near_row, other_row, 0.25);
}

// After AMD's published description of Robust Contrast Adaptive Sharpening (FidelityFX Super Resolution 1, MIT): a cross of four
// neighbours with the strongest negative weight that cannot leave 0 to 1. Own code; and tighter, for compressed video: the
// result stays within the range of the five pixels, so that sharpening cannot draw halos.
fn sharpened(at: vec2i) -> f32 {
    let centre = luma_at(at);
    let up = luma_at(at - vec2i(0, 1));
    let left = luma_at(at - vec2i(1, 0));
    let right = luma_at(at + vec2i(1, 0));
    let down = luma_at(at + vec2i(0, 1));
    let least = min(min(up, down), min(left, right));
    let most = max(max(up, down), max(left, right));
    let to_black = least / max(4.0 * most, 1e-6);
    let to_white = (1.0 - most) / max(4.0 - 4.0 * least, 1e-6);
    let lobe = -min(min(to_black, to_white), STRONGEST_LOBE) * look.sharpness;
    let value = (centre + lobe * (up + left + right + down)) / (1.0 + 4.0 * lobe);
    return clamp(value, min(least, centre), max(most, centre));
}

@fragment
fn paint(@builtin(position) position: vec4f) -> @location(0) vec4f {
    let at = vec2i(position.xy);
    var ycc = bilinear(at);
    if (position.x >= look.split * f32(2 * look.size.x)) {
        ycc.x = sharpened(at);
    }
    return vec4f(clamp(to_rgb(ycc), vec3f(0.0), vec3f(1.0)), 1.0);
}
