// The source frame as a video: an external texture, already converted to the canvas's colour space by the browser.
// Its twin is frame_texture.wgsl; WGSL has no override for the kind of a texture.

@group(0) @binding(0) var frame: texture_external;

fn frame_size() -> vec2i {
    return vec2i(textureDimensions(frame));
}

fn frame_rgb(at: vec2i) -> vec3f {
    return textureLoad(frame, at).rgb;
}
