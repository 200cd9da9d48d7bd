// A net's convolution writes four halves per cell and group of channels, as pairs in u32: half the memory, on every GPU, whether it
// computes in halves or not.

const LARGEST_HALF = 65504.0;

@group(0) @binding(3) var<storage, read_write> after: array<vec2u>;

fn put(group: u32, cell: vec2i, value: vec4f) {
    let size = cells();
    let safe = clamp(value, vec4f(-LARGEST_HALF), vec4f(LARGEST_HALF));
    after[(i32(group) * size.y + cell.y) * size.x + cell.x] = vec2u(pack2x16float(safe.xy), pack2x16float(safe.zw));
}
