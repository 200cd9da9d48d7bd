// cells_out_luma.wgsl and compose.wgsl in one, for a look that is not sharpened (what a net's is, unless asked for more): a net's last
// convolution draws. Each output group is a row of four pixels of its cell.
// Joined with: look.wgsl, a canvas_*.wgsl, paint.wgsl.

@group(0) @binding(3) var<storage, read> luma: array<vec4f>;
@group(0) @binding(5) var source: texture_2d<f32>;

// Colours at column `x` of the source, a quarter of a pixel from row `near` towards row `far`.
fn colours_at(x: i32, near: i32, far: i32) -> vec3f {
    let last = look.size - 1;
    let column = clamp(x, 0, last.x);
    let a = textureLoad(source, vec2i(column, clamp(near, 0, last.y)), 0).xyz;
    let b = textureLoad(source, vec2i(column, clamp(far, 0, last.y)), 0).xyz;
    return mix(a, b, 0.25);
}

fn put(group: u32, cell: vec2i, value: vec4f) {
    let at = vec2i(4 * cell.x, 4 * cell.y + i32(group));
    let drawn = clamp(luma[at.y * cells().x + cell.x] + value, vec4f(0.0), vec4f(1.0));
    let near = at.y / 2;
    let far = near + (at.y % 2) * 2 - 1;
    let x = 2 * cell.x;
    let a = colours_at(x - 1, near, far);
    let b = colours_at(x, near, far);
    let c = colours_at(x + 1, near, far);
    let d = colours_at(x + 2, near, far);
    paint(at, mix(b, a, 0.25), drawn.x);
    paint(at + vec2i(1, 0), mix(b, c, 0.25), drawn.y);
    paint(at + vec2i(2, 0), mix(c, b, 0.25), drawn.z);
    paint(at + vec2i(3, 0), mix(c, d, 0.25), drawn.w);
}
