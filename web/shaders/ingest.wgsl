// Crop: frame -> source, one texel per pixel: Y, Cb, Cr of gamma-coded RGB with BT.709's weights.
// Y is 0 to 1, Cb and Cr are -0.5 to 0.5. The nets and scalers see Y alone; compose.wgsl brings the colours back.
// Joined with: a frame_*.wgsl, look.wgsl. Runs once per pixel of the crop.

override TILE_X: u32 = 8;
override TILE_Y: u32 = 8;

@group(0) @binding(2) var source: texture_storage_2d<rgba16float, write>;

fn to_ycc(rgb: vec3f) -> vec3f {
    let y = dot(rgb, vec3f(0.2126, 0.7152, 0.0722));
    return vec3f(y, (rgb.b - y) / 1.8556, (rgb.r - y) / 1.5748);
}

@compute @workgroup_size(TILE_X, TILE_Y)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let at = vec2i(id.xy);
    if (any(at >= look.size)) {
        return;
    }
    // Clamped, because a frame may be smaller than the size that the page announced.
    let pixel = clamp(look.origin + at, vec2i(0), frame_size() - 1);
    textureStore(source, at, vec4f(to_ycc(clamp(frame_rgb(pixel), vec3f(0.0), vec3f(1.0))), 1.0));
}
