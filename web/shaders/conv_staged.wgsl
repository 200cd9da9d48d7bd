// A kernel's weights from a storage buffer, those of one input group at a time in workgroup memory.

@group(0) @binding(2) var<storage, read> weights: array<mat4x4f>;

var<workgroup> staged: array<vec4f, OUT * MATRICES * 4u>;

fn stage(group: u32, index: u32) {
    for (var at = index; at < OUT * MATRICES * 4u; at += THREADS) {
        let matrix = at / 4u;
        staged[at] = weights[(matrix / MATRICES * IN + group) * MATRICES + matrix % MATRICES][at % 4u];
    }
}

fn staged_at(matrix: u32) -> mat4x4f {
    let at = 4u * matrix;
    return mat4x4f(staged[at], staged[at + 1u], staged[at + 2u], staged[at + 3u]);
}
