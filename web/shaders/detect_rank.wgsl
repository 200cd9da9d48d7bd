// Candidates -> the best of each class, best first, with their boxes (1, 4, h, w). Equal scores in the order of their cells.
// Joined with: detect_view.wgsl. Runs once per candidate. Scores are positive, so that their bits are in their order.

const MOST = 4096u;     // as detect_peaks.wgsl

@group(0) @binding(0) var<storage, read> candidates: array<u32>;
@group(0) @binding(2) var<storage, read> box: array<f32>;
@group(0) @binding(3) var<storage, read_write> result: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let count = min(candidates[0], MOST);
    let plane = cells().x * cells().y;
    if (id.x == 0) {
        var people = 0u;
        for (var i = 0u; i < count; i++) {
            people += select(0u, 1u, candidates[2 * i + 3] < plane);
        }
        result[0] = min(people, PEOPLE);
        result[1] = min(count - people, BALLS);
        result[2] = candidates[0];
    }
    if (id.x >= count) {
        return;
    }
    let score = candidates[2 * id.x + 2];
    let place = candidates[2 * id.x + 3];
    let ball = place >= plane;
    var rank = 0u;
    for (var i = 0u; i < count; i++) {
        let other_score = candidates[2 * i + 2];
        let other = candidates[2 * i + 3];
        let better = other_score > score || (other_score == score && other < place);
        rank += select(0u, 1u, better && (other >= plane) == ball);
    }
    if (rank >= select(PEOPLE, BALLS, ball)) {
        return;
    }
    let slot = HEAD + SLOT * (rank + select(0u, PEOPLE, ball));
    let cell = place - select(0u, plane, ball);
    result[slot] = score;
    result[slot + 1] = cell;
    for (var side = 0u; side < 4; side++) {
        result[slot + 2 + side] = bitcast<u32>(box[side * plane + cell]);
    }
}
