// A net's last convolution: its 16 channels are the 4x4 luma pixels of a cell, row by row (depth to space), added to what
// lanczos3.wgsl left there.

@group(0) @binding(3) var<storage, read_write> luma: array<vec4f>;

fn put(group: u32, cell: vec2i, value: vec4f) {
    let at = (4 * cell.y + i32(group)) * cells().x + cell.x;
    luma[at] = clamp(luma[at] + value, vec4f(0.0), vec4f(1.0));
}
