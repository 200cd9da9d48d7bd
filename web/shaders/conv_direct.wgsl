// A convolution (see conv_tile.wgsl), tap by tap, strips of eight cells.
//
// Invocations beside each other read cells beside each other (no bank conflicts), and the ten cells that a strip sees are read once for
// all three rows of taps. Weights are uniforms: all invocations need the same one at the same time.
// The strip is written out because compilers leave loops over it rolled, and its sums in memory: that took five times as long.

const STRIP = 8u;
const EACH = 1u;
const MATRICES = 9u;

@group(0) @binding(2) var<uniform> weights: array<mat4x4f, 640>;

fn ending(group: u32) -> mat2x4f {
    let end = weights[IN * OUT * MATRICES + group];
    return mat2x4f(end[0], end[1]);
}

@compute @workgroup_size(COLUMNS, ROWS, OUT / EACH)
fn main(
    @builtin(local_invocation_id) local: vec3u,
    @builtin(local_invocation_index) index: u32,
    @builtin(workgroup_id) workgroup: vec3u,
) {
    let first = vec2i(workgroup.xy * vec2u(COLUMNS, ROWS * STRIP));
    let last = cells() - 1;
    var a0 = vec4f(); var a1 = vec4f(); var a2 = vec4f(); var a3 = vec4f();
    var a4 = vec4f(); var a5 = vec4f(); var a6 = vec4f(); var a7 = vec4f();
    aim(first, last, index);
    for (var group = 0u; group < IN; group++) {
        workgroupBarrier();
        fill(group, first, last, index);
        workgroupBarrier();
        for (var column = 0u; column < 3u; column++) {
            let top = local.y * STRIP * WIDE + local.x + column;
            let at = ((group * OUT + local.z) * 3u + column) * 3u;
            let v0 = tile_at(top + 0u * WIDE); let v1 = tile_at(top + 1u * WIDE); let v2 = tile_at(top + 2u * WIDE);
            let v3 = tile_at(top + 3u * WIDE); let v4 = tile_at(top + 4u * WIDE); let v5 = tile_at(top + 5u * WIDE);
            let v6 = tile_at(top + 6u * WIDE); let v7 = tile_at(top + 7u * WIDE); let v8 = tile_at(top + 8u * WIDE);
            let v9 = tile_at(top + 9u * WIDE);
            let w0 = weights[at + 0u];
            a0 = mac(w0, v0, a0); a1 = mac(w0, v1, a1); a2 = mac(w0, v2, a2); a3 = mac(w0, v3, a3);
            a4 = mac(w0, v4, a4); a5 = mac(w0, v5, a5); a6 = mac(w0, v6, a6); a7 = mac(w0, v7, a7);
            let w1 = weights[at + 1u];
            a0 = mac(w1, v1, a0); a1 = mac(w1, v2, a1); a2 = mac(w1, v3, a2); a3 = mac(w1, v4, a3);
            a4 = mac(w1, v5, a4); a5 = mac(w1, v6, a5); a6 = mac(w1, v7, a6); a7 = mac(w1, v8, a7);
            let w2 = weights[at + 2u];
            a0 = mac(w2, v2, a0); a1 = mac(w2, v3, a1); a2 = mac(w2, v4, a2); a3 = mac(w2, v5, a3);
            a4 = mac(w2, v6, a4); a5 = mac(w2, v7, a5); a6 = mac(w2, v8, a6); a7 = mac(w2, v9, a7);
        }
    }
    let at = first + vec2i(vec2u(local.x, local.y * STRIP));
    finish(local.z, at + vec2i(0, 0), last, a0);
    finish(local.z, at + vec2i(0, 1), last, a1);
    finish(local.z, at + vec2i(0, 2), last, a2);
    finish(local.z, at + vec2i(0, 3), last, a3);
    finish(local.z, at + vec2i(0, 4), last, a4);
    finish(local.z, at + vec2i(0, 5), last, a5);
    finish(local.z, at + vec2i(0, 6), last, a6);
    finish(local.z, at + vec2i(0, 7), last, a7);
}
