// ingest.wgsl and cells_in_luma.wgsl in one: a net's first convolution reads the frame itself, and leaves Y, Cb, Cr of its own pixels for
// the stages that come after it.
// Joined with: a frame_*.wgsl, look.wgsl, crop.wgsl.

@group(0) @binding(4) var source: texture_storage_2d<rgba16float, write>;

fn luma_of(at: vec2i, own: bool) -> f32 {
    let far = look.size - 1;
    let ycc = crop_ycc(min(at, far));
    if (own && all(at <= far)) {
        textureStore(source, at, vec4f(ycc, 1.0));
    }
    return ycc.x;
}

const OWN = 1 << 30;

fn place_of(cell: vec2i, own: bool) -> i32 {
    return select(0, OWN, own) | (cell.y << 16) | cell.x;
}

fn input_at(group: u32, place: i32) -> vec4f {
    let own = (place & OWN) != 0;
    let at = 2 * vec2i(place & 0xffff, (place & (OWN - 1)) >> 16);
    let luma = vec4f(
        luma_of(at, own),
        luma_of(at + vec2i(1, 0), own),
        luma_of(at + vec2i(0, 1), own),
        luma_of(at + vec2i(1, 1), own),
    );
    // As the texture would have rounded it.
    return vec4f(unpack2x16float(pack2x16float(luma.xy)), unpack2x16float(pack2x16float(luma.zw)));
}
