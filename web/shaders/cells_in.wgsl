// A net's convolution reads what the one before it wrote (cells_out.wgsl): for each group of four channels, rows of cells of four
// halves.

@group(0) @binding(4) var<storage, read> before: array<vec2u>;

fn input_at(group: u32, cell: vec2i, own: bool) -> vec4f {
    let size = cells();
    let packed = before[(i32(group) * size.y + cell.y) * size.x + cell.x];
    return vec4f(unpack2x16float(packed.x), unpack2x16float(packed.y));
}
