// Luma, twice the size: Lanczos with three lobes and a clamp against ringing. source -> luma.
//
// Chosen by measurement: six broadcast football frames, 1080p truth, halved and H.264-compressed at CRF 23, Y-PSNR in dB:
// bilinear 29.81, Catmull-Rom 30.81, FSR1's EASU 30.77 (with sharpening 0.4: 30.82), Lanczos 31.26, this 31.24, this with
// compose.wgsl's sharpening at 0.4: 31.36. Uncompressed: 31.49, 33.56, 33.29 (33.48), 34.79, 34.74, 35.20.
//
// With half-pixel centring every output pixel lies a quarter of a pixel from a source pixel, so there are only two sets of six
// taps, one the mirror of the other. The four outputs between four source pixels see the same 6x6 window: one invocation makes
// all four. It stands at the corner between pixel `corner` and its right and lower neighbours; corners run from -1 to size - 1.
// A workgroup's source pixels lie in workgroup memory, then its rows filtered horizontally, so that each is made once.
// Joined with: look.wgsl (its frame binding is not used). Runs once per corner: size + 1 on each side.

override TILE_X: u32 = 16;
override TILE_Y: u32 = 8;
// How far beyond the nearest four pixels' range a result may go, in shares of that range. 0 forbids any overshoot, but some of
// it is real: a quarter costs 0.01 dB on video and hides the halos of pitch lines.
override OVERSHOOT: f32 = 0.25;
// False under a net, which has learned to correct Lanczos as it is.
override CLAMPED: bool = true;

@group(0) @binding(0) var source: texture_2d<f32>;
@group(0) @binding(2) var<storage, read_write> luma: array<f32>;

override WIDE: u32 = TILE_X + 5;
override HIGH: u32 = TILE_Y + 5;

var<workgroup> pixels: array<f32, WIDE * HIGH>;
// The outputs left and right of a corner, before the vertical pass.
var<workgroup> lines: array<vec2f, TILE_X * HIGH>;

// sinc(x) sinc(x / 3) at x = 0.25 - t for t = -2 to 3, scaled to sum to 1; and mirrored.
const TAPS = array<vec2f, 6>(
    vec2f(0.030112285, 0.007378271),
    vec2f(-0.133274636, -0.067997263),
    vec2f(0.892770774, 0.271010568),
    vec2f(0.271010568, 0.892770774),
    vec2f(-0.067997263, -0.133274636),
    vec2f(0.007378271, 0.030112285),
);

@compute @workgroup_size(TILE_X, TILE_Y)
fn main(
    @builtin(local_invocation_id) local: vec3u,
    @builtin(local_invocation_index) index: u32,
    @builtin(workgroup_id) group: vec3u,
) {
    let first = vec2i(group.xy * vec2u(TILE_X, TILE_Y)) - 3;
    for (var at = index; at < WIDE * HIGH; at += TILE_X * TILE_Y) {
        let pixel = clamp(first + vec2i(vec2u(at % WIDE, at / WIDE)), vec2i(0), look.size - 1);
        pixels[at] = textureLoad(source, pixel, 0).x;
    }
    workgroupBarrier();
    for (var at = index; at < TILE_X * HIGH; at += TILE_X * TILE_Y) {
        let left = at / TILE_X * WIDE + at % TILE_X;
        lines[at] = pixels[left] * TAPS[0] + pixels[left + 1] * TAPS[1] + pixels[left + 2] * TAPS[2]
            + pixels[left + 3] * TAPS[3] + pixels[left + 4] * TAPS[4] + pixels[left + 5] * TAPS[5];
    }
    workgroupBarrier();
    let corner = first + 2 + vec2i(local.xy);
    if (any(corner >= look.size)) {
        return;
    }
    let top = local.y * TILE_X + local.x;
    let a = lines[top];
    let b = lines[top + TILE_X];
    let c = lines[top + 2 * TILE_X];
    let d = lines[top + 3 * TILE_X];
    let e = lines[top + 4 * TILE_X];
    let f = lines[top + 5 * TILE_X];
    var upper = a * TAPS[0].x + b * TAPS[1].x + c * TAPS[2].x + d * TAPS[3].x + e * TAPS[4].x + f * TAPS[5].x;
    var lower = a * TAPS[0].y + b * TAPS[1].y + c * TAPS[2].y + d * TAPS[3].y + e * TAPS[4].y + f * TAPS[5].y;
    if (CLAMPED) {
        let nearest = (local.y + 2) * WIDE + local.x + 2;
        let four = vec4f(pixels[nearest], pixels[nearest + 1], pixels[nearest + WIDE], pixels[nearest + WIDE + 1]);
        let least = min(min(four.x, four.y), min(four.z, four.w));
        let most = max(max(four.x, four.y), max(four.z, four.w));
        let margin = OVERSHOOT * (most - least);
        let low = vec2f(max(least - margin, 0.0));
        let high = vec2f(min(most + margin, 1.0));
        upper = clamp(upper, low, high);
        lower = clamp(lower, low, high);
    }
    put(2 * corner + vec2i(1, 1), upper);
    put(2 * corner + vec2i(1, 2), lower);
}

// Two neighbours in a row, as far as they lie in the picture.
fn put(at: vec2i, pair: vec2f) {
    if (at.y < 0 || at.y >= 2 * look.size.y) {
        return;
    }
    if (at.x >= 0) {
        luma[luma_index(at)] = pair.x;
    }
    if (at.x + 1 < 2 * look.size.x) {
        luma[luma_index(at) + 1] = pair.y;
    }
}
