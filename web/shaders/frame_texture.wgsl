// The source frame as a plain texture: where the browser has no external textures, in the micro-benchmark and in native tests.
// Its twin is frame_external.wgsl; WGSL has no override for the kind of a texture.

@group(0) @binding(0) var frame: texture_2d<f32>;

fn frame_size() -> vec2i {
    return vec2i(textureDimensions(frame));
}

fn frame_rgb(at: vec2i) -> vec3f {
    return textureLoad(frame, at, 0).rgb;
}
