// A net's first convolution reads the crop's luma, four pixels of a cell as four channels (space to depth); the last row and column
// repeat where the size is odd.

@group(0) @binding(4) var source: texture_2d<f32>;

fn place_of(cell: vec2i, own: bool) -> i32 {
    return (cell.y << 16) | cell.x;
}

fn input_at(group: u32, place: i32) -> vec4f {
    let far = look.size - 1;
    let at = 2 * vec2i(place & 0xffff, place >> 16);
    let next = min(at + 1, far);
    return vec4f(
        textureLoad(source, at, 0).x,
        textureLoad(source, vec2i(next.x, at.y), 0).x,
        textureLoad(source, vec2i(at.x, next.y), 0).x,
        textureLoad(source, next, 0).x,
    );
}
