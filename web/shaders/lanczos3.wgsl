// Luma, twice the size: Lanczos with three lobes and a clamp against ringing. source -> luma.
//
// Chosen by measurement: six broadcast football frames, 1080p truth, halved and H.264-compressed at CRF 23, Y-PSNR in dB:
// bilinear 29.81, Catmull-Rom 30.81, FSR1's EASU 30.77 (with sharpening 0.4: 30.82), Lanczos 31.26, this 31.24, this with
// compose.wgsl's sharpening at 0.4: 31.36. Uncompressed: 31.49, 33.56, 33.29 (33.48), 34.79, 34.74, 35.20.
//
// With half-pixel centring every output pixel lies a quarter of a pixel from a source pixel, so there are only two sets of six
// taps, one the mirror of the other. The four outputs between four source pixels see the same 6x6 window: one invocation makes
// all four. It stands at the corner between pixel `corner` and its right and lower neighbours; corners run from -1 to size - 1.
// Joined with: look.wgsl (its frame binding is not used). Runs once per corner: size + 1 on each side.

override TILE_X: u32 = 8;
override TILE_Y: u32 = 8;
// How far beyond the nearest four pixels' range a result may go, in shares of that range. 0 forbids any overshoot, but some of
// it is real: a quarter costs 0.01 dB on video and hides the halos of pitch lines.
override OVERSHOOT: f32 = 0.25;

@group(0) @binding(0) var source: texture_2d<f32>;
@group(0) @binding(2) var luma: texture_storage_2d<r32float, write>;

// sinc(x) sinc(x / 3) at x = 0.25 - t for t = -2 to 3, scaled to sum to 1.
const TAPS = array<f32, 6>(0.030112285, -0.133274636, 0.892770774, 0.271010568, -0.067997263, 0.007378271);

fn source_luma(at: vec2i) -> f32 {
    return textureLoad(source, clamp(at, vec2i(0), look.size - 1), 0).x;
}

@compute @workgroup_size(TILE_X, TILE_Y)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let corner = vec2i(id.xy) - 1;
    if (any(corner >= look.size)) {
        return;
    }
    var taps = TAPS;
    var upper = vec2f(0.0);
    var lower = vec2f(0.0);
    var least = 1.0;
    var most = 0.0;
    for (var row = 0; row < 6; row++) {
        var line = vec2f(0.0);
        for (var column = 0; column < 6; column++) {
            let value = source_luma(corner + vec2i(column - 2, row - 2));
            line += value * vec2f(taps[column], taps[5 - column]);
            if ((row == 2 || row == 3) && (column == 2 || column == 3)) {
                least = min(least, value);
                most = max(most, value);
            }
        }
        upper += line * taps[row];
        lower += line * taps[5 - row];
    }
    let margin = OVERSHOOT * (most - least);
    let low = vec2f(max(least - margin, 0.0));
    let high = vec2f(min(most + margin, 1.0));
    put(2 * corner + vec2i(1, 1), clamp(upper, low, high));
    put(2 * corner + vec2i(1, 2), clamp(lower, low, high));
}

// Two neighbours in a row, as far as they lie in the picture.
fn put(at: vec2i, pair: vec2f) {
    if (at.y < 0 || at.y >= 2 * look.size.y) {
        return;
    }
    if (at.x >= 0) {
        textureStore(luma, at, vec4f(pair.x, 0.0, 0.0, 1.0));
    }
    if (at.x + 1 < 2 * look.size.x) {
        textureStore(luma, at + vec2i(1, 0), vec4f(pair.y, 0.0, 0.0, 1.0));
    }
}
