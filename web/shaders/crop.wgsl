// A pixel of the crop from the frame: Y, Cb, Cr of gamma-coded RGB with BT.709's weights. Y is 0 to 1, Cb and Cr are -0.5 to 0.5.
// Joined with: a frame_*.wgsl, look.wgsl.

fn to_ycc(rgb: vec3f) -> vec3f {
    let y = dot(rgb, vec3f(0.2126, 0.7152, 0.0722));
    return vec3f(y, (rgb.b - y) / 1.8556, (rgb.r - y) / 1.5748);
}

fn crop_ycc(at: vec2i) -> vec3f {
    // Clamped, because a frame may be smaller than the size that the page announced.
    let pixel = clamp(look.origin + at, vec2i(0), frame_size() - 1);
    return to_ycc(clamp(frame_rgb(pixel), vec3f(0.0), vec3f(1.0)));
}
