// One 3x3 convolution of a net, with the PReLU after it. Cells (2x2 source pixels) in, cells out; borders repeat.
//
// Channels go in groups of four. A workgroup makes COLUMNS x (ROWS * 8) cells: its input lies in workgroup memory, one group of
// channels at a time, and one invocation makes a strip of eight cells, one below the other, in one group of output channels.
// Invocations beside each other read cells beside each other (no bank conflicts), and the ten cells that a strip sees are read
// once for all three rows of taps. Weights are uniforms: all invocations need the same one at the same time. Sums are f32.
// The strip is written out because compilers leave loops over it rolled, and its sums in memory: that took five times as long.
// Joined with: look.wgsl, a cells_in*.wgsl (input_at) and a cells_out*.wgsl (put). Runs once per strip; z are output groups.

override COLUMNS: u32 = 16;
override ROWS: u32 = 2;
// Groups of input and of output channels.
override IN: u32 = 1;
override OUT: u32 = 1;

const STRIP = 8u;

// For each output group, each input group, each column of taps, each row of taps: the matrix from four input to four output
// channels. After that for each output group a matrix whose first column is the bias, the second the slope.
@group(0) @binding(2) var<uniform> weights: array<mat4x4f, 640>;

override WIDE: u32 = COLUMNS + 2;
override HIGH: u32 = ROWS * STRIP + 2;
override THREADS: u32 = COLUMNS * ROWS * OUT;

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

@compute @workgroup_size(COLUMNS, ROWS, OUT)
fn main(
    @builtin(local_invocation_id) local: vec3u,
    @builtin(local_invocation_index) index: u32,
    @builtin(workgroup_id) workgroup: vec3u,
) {
    let first = vec2i(workgroup.xy * vec2u(COLUMNS, ROWS * STRIP));
    let last = cells() - 1;
    var a0 = vec4f(); var a1 = vec4f(); var a2 = vec4f(); var a3 = vec4f();
    var a4 = vec4f(); var a5 = vec4f(); var a6 = vec4f(); var a7 = vec4f();
    for (var group = 0u; group < IN; group++) {
        workgroupBarrier();
        for (var at = index; at < WIDE * HIGH; at += THREADS) {
            let cell = first + vec2i(vec2u(at % WIDE, at / WIDE)) - 1;
            tile[at] = input_at(group, clamp(cell, vec2i(0), last));
        }
        workgroupBarrier();
        for (var column = 0u; column < 3u; column++) {
            let top = local.y * STRIP * WIDE + local.x + column;
            let at = ((local.z * IN + group) * 3u + column) * 3u;
            let v0 = tile[top + 0u * WIDE]; let v1 = tile[top + 1u * WIDE]; let v2 = tile[top + 2u * WIDE];
            let v3 = tile[top + 3u * WIDE]; let v4 = tile[top + 4u * WIDE]; let v5 = tile[top + 5u * WIDE];
            let v6 = tile[top + 6u * WIDE]; let v7 = tile[top + 7u * WIDE]; let v8 = tile[top + 8u * WIDE];
            let v9 = tile[top + 9u * WIDE];
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
