// A convolution (see conv_tile.wgsl) by Winograd's F(4, 3) down the columns (Lavin and Gray, "Fast algorithms for convolutional neural
// networks", 2015): four cells of a column take six multiplications by transformed weights instead of twelve. Two groups of output
// channels an invocation share the transform of the input; weights are transformed in double precision (weights.py).
// Fastest on an H100 for 24 channels. Joined with: conv_tile.wgsl, conv_staged.wgsl.

const STRIP = 8u;
const EACH = 2u;
const MATRICES = 18u;

// The four cells of a column from six sums.
fn finish_four(group: u32, at: vec2i, last: vec2i, s0: vec4f, s1: vec4f, s2: vec4f, s3: vec4f, s4: vec4f, s5: vec4f) {
    let near = s1 + s2;
    let far = s3 + s4;
    let near_odd = s1 - s2;
    let far_odd = s3 - s4;
    finish(group, at, last, s0 + near + far);
    finish(group, at + vec2i(0, 1), last, fma(far_odd, vec4f(2.0), near_odd));
    finish(group, at + vec2i(0, 2), last, fma(far, vec4f(4.0), near));
    finish(group, at + vec2i(0, 3), last, fma(far_odd, vec4f(8.0), near_odd) + s5);
}

@compute @workgroup_size(COLUMNS, ROWS, OUT / EACH)
fn main(
    @builtin(local_invocation_id) local: vec3u,
    @builtin(local_invocation_index) index: u32,
    @builtin(workgroup_id) workgroup: vec3u,
) {
    let own = local.z * 2u;
    let first = vec2i(workgroup.xy * vec2u(COLUMNS, ROWS * STRIP));
    let last = cells() - 1;
    var a0 = vec4f(); var a1 = vec4f(); var a2 = vec4f(); var a3 = vec4f(); var a4 = vec4f(); var a5 = vec4f();
    var a6 = vec4f(); var a7 = vec4f(); var a8 = vec4f(); var a9 = vec4f(); var a10 = vec4f(); var a11 = vec4f();
    var b0 = vec4f(); var b1 = vec4f(); var b2 = vec4f(); var b3 = vec4f(); var b4 = vec4f(); var b5 = vec4f();
    var b6 = vec4f(); var b7 = vec4f(); var b8 = vec4f(); var b9 = vec4f(); var b10 = vec4f(); var b11 = vec4f();
    aim(first, last, index);
    for (var group = 0u; group < IN; group++) {
        workgroupBarrier();
        fill(group, first, last, index);
        stage(group, index);
        workgroupBarrier();
        for (var column = 0u; column < 3u; column++) {
            let top = local.y * STRIP * WIDE + local.x + column;
            let v0 = tile_at(top + 0u * WIDE); let v1 = tile_at(top + 1u * WIDE); let v2 = tile_at(top + 2u * WIDE);
            let v3 = tile_at(top + 3u * WIDE); let v4 = tile_at(top + 4u * WIDE); let v5 = tile_at(top + 5u * WIDE);
            let v6 = tile_at(top + 6u * WIDE); let v7 = tile_at(top + 7u * WIDE); let v8 = tile_at(top + 8u * WIDE);
            let v9 = tile_at(top + 9u * WIDE);
            let peven = fma(v2, vec4f(-4.0), v4); let podd = fma(v1, vec4f(-4.0), v3);
            let phigh = v4 - v2; let pstep = v3 - v1;
            let p0 = fma(v0, vec4f(4.0), fma(v2, vec4f(-5.0), v4)); let p1 = peven + podd; let p2 = peven - podd;
            let p3 = fma(pstep, vec4f(2.0), phigh); let p4 = fma(pstep, vec4f(-2.0), phigh);
            let p5 = fma(v1, vec4f(4.0), fma(v3, vec4f(-5.0), v5));
            let qeven = fma(v6, vec4f(-4.0), v8); let qodd = fma(v5, vec4f(-4.0), v7);
            let qhigh = v8 - v6; let qstep = v7 - v5;
            let q0 = fma(v4, vec4f(4.0), fma(v6, vec4f(-5.0), v8)); let q1 = qeven + qodd; let q2 = qeven - qodd;
            let q3 = fma(qstep, vec4f(2.0), qhigh); let q4 = fma(qstep, vec4f(-2.0), qhigh);
            let q5 = fma(v5, vec4f(4.0), fma(v7, vec4f(-5.0), v9));
            let at_a = own * MATRICES + column * 6u;
            let wa0 = staged_at(at_a + 0u);
            a0 = mac(wa0, p0, a0); a6 = mac(wa0, q0, a6);
            let wa1 = staged_at(at_a + 1u);
            a1 = mac(wa1, p1, a1); a7 = mac(wa1, q1, a7);
            let wa2 = staged_at(at_a + 2u);
            a2 = mac(wa2, p2, a2); a8 = mac(wa2, q2, a8);
            let wa3 = staged_at(at_a + 3u);
            a3 = mac(wa3, p3, a3); a9 = mac(wa3, q3, a9);
            let wa4 = staged_at(at_a + 4u);
            a4 = mac(wa4, p4, a4); a10 = mac(wa4, q4, a10);
            let wa5 = staged_at(at_a + 5u);
            a5 = mac(wa5, p5, a5); a11 = mac(wa5, q5, a11);
            let at_b = (own + 1u) * MATRICES + column * 6u;
            let wb0 = staged_at(at_b + 0u);
            b0 = mac(wb0, p0, b0); b6 = mac(wb0, q0, b6);
            let wb1 = staged_at(at_b + 1u);
            b1 = mac(wb1, p1, b1); b7 = mac(wb1, q1, b7);
            let wb2 = staged_at(at_b + 2u);
            b2 = mac(wb2, p2, b2); b8 = mac(wb2, q2, b8);
            let wb3 = staged_at(at_b + 3u);
            b3 = mac(wb3, p3, b3); b9 = mac(wb3, q3, b9);
            let wb4 = staged_at(at_b + 4u);
            b4 = mac(wb4, p4, b4); b10 = mac(wb4, q4, b10);
            let wb5 = staged_at(at_b + 5u);
            b5 = mac(wb5, p5, b5); b11 = mac(wb5, q5, b11);
        }
    }
    let at = first + vec2i(vec2u(local.x, local.y * STRIP));
    finish_four(own, at + vec2i(0, 0), last, a0, a1, a2, a3, a4, a5);
    finish_four(own, at + vec2i(0, 4), last, a6, a7, a8, a9, a10, a11);
    finish_four(own + 1u, at + vec2i(0, 0), last, b0, b1, b2, b3, b4, b5);
    finish_four(own + 1u, at + vec2i(0, 4), last, b6, b7, b8, b9, b10, b11);
}
