// conv.wgsl with two groups of output channels an invocation: each cell that is read from workgroup memory serves 32 multiply-adds
// instead of 16, for twice the sums in registers.
// Joined with: a group_*.wgsl (own_group), look.wgsl, a cells_in*.wgsl (input_at) and a cells_out*.wgsl (put).

override COLUMNS: u32 = 16;
override ROWS: u32 = 2;
// Groups of input and of output channels.
override IN: u32 = 1;
override OUT: u32 = 2;

const STRIP = 8u;

// As in conv.wgsl.
@group(0) @binding(2) var<uniform> weights: array<mat4x4f, 640>;

override WIDE: u32 = COLUMNS + 2;
override HIGH: u32 = ROWS * STRIP + 2;
override THREADS: u32 = COLUMNS * ROWS * (OUT / 2u);

var<workgroup> tile: array<vec4f, WIDE * HIGH>;

fn cells() -> vec2i {
    return (look.size + 1) / 2;
}

fn mac(w: mat4x4f, value: vec4f, sum: vec4f) -> vec4f {
    return fma(w[3], value.wwww, fma(w[2], value.zzzz, fma(w[1], value.yyyy, fma(w[0], value.xxxx, sum))));
}

fn finish(group: u32, at: vec2i, last: vec2i, sum: vec4f) {
    let end = weights[OUT * IN * 9u + group];
    let value = sum + end[0];
    if (all(at <= last)) {
        put(group, at, select(value * end[1], value, value >= vec4f(0.0)));
    }
}

@compute @workgroup_size(COLUMNS, ROWS, OUT / 2u)
fn main(
    @builtin(local_invocation_id) local: vec3u,
    @builtin(local_invocation_index) index: u32,
    @builtin(workgroup_id) workgroup: vec3u,
) {
    let own = own_group(local.z) * 2u;
    let first = vec2i(workgroup.xy * vec2u(COLUMNS, ROWS * STRIP));
    let last = cells() - 1;
    var a0 = vec4f(); var a1 = vec4f(); var a2 = vec4f(); var a3 = vec4f();
    var a4 = vec4f(); var a5 = vec4f(); var a6 = vec4f(); var a7 = vec4f();
    var b0 = vec4f(); var b1 = vec4f(); var b2 = vec4f(); var b3 = vec4f();
    var b4 = vec4f(); var b5 = vec4f(); var b6 = vec4f(); var b7 = vec4f();
    for (var group = 0u; group < IN; group++) {
        workgroupBarrier();
        for (var at = index; at < WIDE * HIGH; at += THREADS) {
            let cell = first + vec2i(vec2u(at % WIDE, at / WIDE)) - 1;
            tile[at] = input_at(group, clamp(cell, vec2i(0), last));
        }
        workgroupBarrier();
        for (var column = 0u; column < 3u; column++) {
            let top = local.y * STRIP * WIDE + local.x + column;
            let v0 = tile[top + 0u * WIDE]; let v1 = tile[top + 1u * WIDE]; let v2 = tile[top + 2u * WIDE];
            let v3 = tile[top + 3u * WIDE]; let v4 = tile[top + 4u * WIDE]; let v5 = tile[top + 5u * WIDE];
            let v6 = tile[top + 6u * WIDE]; let v7 = tile[top + 7u * WIDE]; let v8 = tile[top + 8u * WIDE];
            let v9 = tile[top + 9u * WIDE];
            let at_a = ((own * IN + group) * 3u + column) * 3u;
            let at_b = (((own + 1u) * IN + group) * 3u + column) * 3u;
            let wa0 = weights[at_a + 0u];
            a0 = mac(wa0, v0, a0); a1 = mac(wa0, v1, a1); a2 = mac(wa0, v2, a2); a3 = mac(wa0, v3, a3);
            a4 = mac(wa0, v4, a4); a5 = mac(wa0, v5, a5); a6 = mac(wa0, v6, a6); a7 = mac(wa0, v7, a7);
            let wa1 = weights[at_a + 1u];
            a0 = mac(wa1, v1, a0); a1 = mac(wa1, v2, a1); a2 = mac(wa1, v3, a2); a3 = mac(wa1, v4, a3);
            a4 = mac(wa1, v5, a4); a5 = mac(wa1, v6, a5); a6 = mac(wa1, v7, a6); a7 = mac(wa1, v8, a7);
            let wa2 = weights[at_a + 2u];
            a0 = mac(wa2, v2, a0); a1 = mac(wa2, v3, a1); a2 = mac(wa2, v4, a2); a3 = mac(wa2, v5, a3);
            a4 = mac(wa2, v6, a4); a5 = mac(wa2, v7, a5); a6 = mac(wa2, v8, a6); a7 = mac(wa2, v9, a7);
            let wb0 = weights[at_b + 0u];
            b0 = mac(wb0, v0, b0); b1 = mac(wb0, v1, b1); b2 = mac(wb0, v2, b2); b3 = mac(wb0, v3, b3);
            b4 = mac(wb0, v4, b4); b5 = mac(wb0, v5, b5); b6 = mac(wb0, v6, b6); b7 = mac(wb0, v7, b7);
            let wb1 = weights[at_b + 1u];
            b0 = mac(wb1, v1, b0); b1 = mac(wb1, v2, b1); b2 = mac(wb1, v3, b2); b3 = mac(wb1, v4, b3);
            b4 = mac(wb1, v5, b4); b5 = mac(wb1, v6, b5); b6 = mac(wb1, v7, b6); b7 = mac(wb1, v8, b7);
            let wb2 = weights[at_b + 2u];
            b0 = mac(wb2, v2, b0); b1 = mac(wb2, v3, b1); b2 = mac(wb2, v4, b2); b3 = mac(wb2, v5, b3);
            b4 = mac(wb2, v6, b4); b5 = mac(wb2, v7, b5); b6 = mac(wb2, v8, b6); b7 = mac(wb2, v9, b7);
        }
    }
    let at = first + vec2i(vec2u(local.x, local.y * STRIP));
    finish(own, at + vec2i(0, 0), last, a0);
    finish(own, at + vec2i(0, 1), last, a1);
    finish(own, at + vec2i(0, 2), last, a2);
    finish(own, at + vec2i(0, 3), last, a3);
    finish(own, at + vec2i(0, 4), last, a4);
    finish(own, at + vec2i(0, 5), last, a5);
    finish(own, at + vec2i(0, 6), last, a6);
    finish(own, at + vec2i(0, 7), last, a7);
    finish(own + 1u, at + vec2i(0, 0), last, b0);
    finish(own + 1u, at + vec2i(0, 1), last, b1);
    finish(own + 1u, at + vec2i(0, 2), last, b2);
    finish(own + 1u, at + vec2i(0, 3), last, b3);
    finish(own + 1u, at + vec2i(0, 4), last, b4);
    finish(own + 1u, at + vec2i(0, 5), last, b5);
    finish(own + 1u, at + vec2i(0, 6), last, b6);
    finish(own + 1u, at + vec2i(0, 7), last, b7);
}
