// cells_in.wgsl where the GPU reads halves by itself. The same bits.

@group(0) @binding(4) var<storage, read> before: array<vec4h>;

fn place_of(cell: vec2i, own: bool) -> i32 {
    return cell.y * cells().x + cell.x;
}

fn input_at(group: u32, place: i32) -> vec4f {
    let size = cells();
    return vec4f(before[i32(group) * size.x * size.y + place]);
}
