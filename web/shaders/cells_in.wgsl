// A net's convolution reads what the one before it wrote (cells_out.wgsl): for each group of four channels, rows of cells of four
// halves.

@group(0) @binding(4) var<storage, read> before: array<vec2u>;

fn place_of(cell: vec2i, own: bool) -> i32 {
    return cell.y * cells().x + cell.x;
}

fn input_at(group: u32, place: i32) -> vec4f {
    let size = cells();
    let packed = before[i32(group) * size.x * size.y + place];
    return vec4f(unpack2x16float(packed.x), unpack2x16float(packed.y));
}
