// Crop: frame -> source, one texel per pixel: Y, Cb, Cr. The nets and scalers see Y alone; compose.wgsl brings the colours back.
// Joined with: a frame_*.wgsl, look.wgsl, crop.wgsl. Runs once per pixel of the crop.

override TILE_X: u32 = 8;
override TILE_Y: u32 = 8;

@group(0) @binding(2) var source: texture_storage_2d<rgba16float, write>;

@compute @workgroup_size(TILE_X, TILE_Y)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let at = vec2i(id.xy);
    if (any(at >= look.size)) {
        return;
    }
    textureStore(source, at, vec4f(crop_ycc(at), 1.0));
}
