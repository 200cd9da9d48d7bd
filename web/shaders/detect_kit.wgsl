// What each person found wears: a histogram of the upper body's colours, as pycore/tracking/appearance.py defines it, 8 bits a bin.
// Joined with: detect_view.wgsl. One workgroup per slot.

const HUES = 8u;
const GREYS = 4u;
const BINS = 20u;
const UNITS = 1024.0;
const THREADS = 64u;

@group(0) @binding(0) var<storage, read> picture: array<f32>;
@group(0) @binding(2) var<storage, read_write> result: array<u32>;

var<workgroup> bins: array<atomic<u32>, BINS>;

fn add(bin: u32, share: f32) {
    atomicAdd(&bins[bin], u32(round(UNITS * share)));
}

fn count(rgb: vec3f) {
    let value = max(rgb.r, max(rgb.g, rgb.b));
    let chroma = value - min(rgb.r, min(rgb.g, rgb.b));
    let safe = max(chroma, 1e-6);
    var sextant = (rgb.r - rgb.g) / safe + 4.0;
    if (value == rgb.r) {
        sextant = (rgb.g - rgb.b) / safe;
    } else if (value == rgb.g) {
        sextant = (rgb.b - rgb.r) / safe + 2.0;
    }
    let turn = (sextant + select(0.0, 6.0, sextant < 0.0)) / 6.0 * f32(HUES);
    let first = u32(floor(turn)) % HUES;
    let part = fract(turn);
    let saturation = chroma / max(value, 1e-6);
    let colourful = clamp(min((chroma - 0.08) / 0.17, (saturation - 0.2) / 0.5), 0.0, 1.0);
    let bright = clamp((value - 0.35) / 0.3, 0.0, 1.0);
    add(2 * first, colourful * (1.0 - part) * (1.0 - bright));
    add(2 * first + 1, colourful * (1.0 - part) * bright);
    let second = (first + 1) % HUES;
    add(2 * second, colourful * part * (1.0 - bright));
    add(2 * second + 1, colourful * part * bright);
    let grey = (rgb.r + rgb.g + rgb.b) / 3.0 * f32(GREYS - 1);
    let level = min(u32(floor(grey)), GREYS - 2);
    add(2 * HUES + level, (1.0 - colourful) * (1.0 - (grey - f32(level))));
    add(2 * HUES + level + 1, (1.0 - colourful) * (grey - f32(level)));
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
    let slot = HEAD + SLOT * group.x;
    if (thread < BINS) {
        atomicStore(&bins[thread], 0);
    }
    workgroupBarrier();
    let cell = result[slot + 1];
    let columns = cells().x;
    let centre = (vec2f(f32(cell % columns), f32(cell / columns)) + 0.5) * f32(STRIDE);
    let corner = centre - vec2f(bitcast<f32>(result[slot + 2]), bitcast<f32>(result[slot + 3]));
    let other = centre + vec2f(bitcast<f32>(result[slot + 4]), bitcast<f32>(result[slot + 5]));
    let size = max(other - corner, vec2f(1.0));
    let start = (corner + other - size) / 2.0;
    let top_left = vec2i(floor(start + vec2f(0.25, 0.15) * size));
    let bottom_right = max(vec2i(floor(start + vec2f(0.75, 0.55) * size)), top_left + 1);
    let from_ = max(top_left, vec2i(0));
    let span = max(min(bottom_right, vec2i(view.size)) - from_, vec2i(0));
    let pixels = select(0u, u32(span.x * span.y), group.x < result[0]);
    let plane = view.size.x * view.size.y;
    for (var i = thread; i < pixels; i += THREADS) {
        let at = vec2u(from_) + vec2u(i % u32(span.x), i / u32(span.x));
        let place = at.y * view.size.x + at.x;
        count(vec3f(picture[place], picture[plane + place], picture[2 * plane + place]));
    }
    workgroupBarrier();
    if (thread < BINS / 4) {
        var total = 0u;
        for (var bin = 0u; bin < BINS; bin++) {
            total += atomicLoad(&bins[bin]);
        }
        var word = 0u;
        for (var part = 0u; part < 4; part++) {
            let share = f32(atomicLoad(&bins[4 * thread + part])) / f32(max(total, 1));
            word |= u32(round(255.0 * share)) << (8 * part);
        }
        result[slot + 6 + thread] = word;
    }
}
