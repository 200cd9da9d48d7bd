// A pixel of the picture: colours back to RGB, before or after the split.
// Joined with: look.wgsl, a canvas_*.wgsl.

fn to_rgb(ycc: vec3f) -> vec3f {
    let r = ycc.x + 1.5748 * ycc.z;
    let b = ycc.x + 1.8556 * ycc.y;
    return vec3f(r, (ycc.x - 0.2126 * r - 0.0722 * b) / 0.7152, b);
}

// `plain`: Y, Cb, Cr of the source enlarged bilinearly; `sharp`: the luma of the right side of the split.
fn paint(at: vec2i, plain: vec3f, sharp: f32) {
    if (any(at < vec2i(0)) || any(at >= 2 * look.size)) {
        return;
    }
    let before = f32(at.x) + 0.5 < look.split * f32(2 * look.size.x);
    let rgb = to_rgb(vec3f(select(sharp, plain.x, before), plain.yz));
    textureStore(canvas, at, vec4f(clamp(rgb, vec3f(0.0), vec3f(1.0)), 1.0));
}
