// A kernel's weights from a storage buffer, those of one input group at a time in workgroup memory.

@group(0) @binding(2) var<storage, read> weights: array<vec4f>;

override STAGED: u32 = OUT * MATRICES * 4u;

var<workgroup> staged: array<vec4f, STAGED>;

fn stage(group: u32, index: u32) {
    for (var at = index; at < STAGED; at += THREADS) {
        staged[at] = weights[group * STAGED + at];
    }
}

fn staged_at(matrix: u32) -> mat4x4f {
    let at = 4u * matrix;
    return mat4x4f(staged[at], staged[at + 1u], staged[at + 2u], staged[at + 3u]);
}

fn ending(group: u32) -> mat2x4f {
    let at = IN * STAGED + 4u * group;
    return mat2x4f(weights[at], weights[at + 1u]);
}
