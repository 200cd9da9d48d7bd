// cells_in.wgsl where the GPU reads halves by itself. The same bits.

@group(0) @binding(4) var<storage, read> before: array<vec4h>;

fn input_at(group: u32, cell: vec2i, own: bool) -> vec4f {
    let size = cells();
    return vec4f(before[(i32(group) * size.y + cell.y) * size.x + cell.x]);
}
