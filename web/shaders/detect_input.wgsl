// Frame -> the detector's input: RGB 0 to 1, planes (3, H, W), averaged where the picture is made smaller.
// Joined with: a frame_*.wgsl, detect_view.wgsl. Runs once per input pixel. Also empties the list of candidates.

@group(0) @binding(2) var<storage, read_write> picture: array<f32>;
@group(0) @binding(3) var<storage, read_write> candidates: array<u32>;

fn pixel(at: vec2i) -> vec3f {
    return frame_rgb(clamp(at, vec2i(0), frame_size() - 1));
}

fn between(at: vec2f) -> vec3f {
    let corner = floor(at - 0.5);
    let part = at - 0.5 - corner;
    let base = vec2i(corner);
    let upper = mix(pixel(base), pixel(base + vec2i(1, 0)), part.x);
    let lower = mix(pixel(base + vec2i(0, 1)), pixel(base + vec2i(1, 1)), part.x);
    return mix(upper, lower, part.y);
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (all(id.xy == vec2u(0))) {
        candidates[0] = 0;
    }
    if (any(id.xy >= view.size)) {
        return;
    }
    var rgb = vec3f(0.0);
    if (all(id.xy < view.used)) {
        for (var row = 0u; row < view.samples; row++) {
            for (var column = 0u; column < view.samples; column++) {
                let at = vec2f(id.xy) + (vec2f(f32(column), f32(row)) + 0.5) / f32(view.samples);
                rgb += between(view.origin + at.x * view.across + at.y * view.down);
            }
        }
        rgb = clamp(rgb / f32(view.samples * view.samples), vec3f(0.0), vec3f(1.0));
    }
    let plane = view.size.x * view.size.y;
    let place = id.y * view.size.x + id.x;
    picture[place] = rgb.r;
    picture[plane + place] = rgb.g;
    picture[2 * plane + place] = rgb.b;
}
