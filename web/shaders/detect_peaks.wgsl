// The detector's heat (1, 2, h, w) -> candidates: cells that none of their neighbours exceeds; of equal ones the first, row by row.
// Joined with: detect_view.wgsl. Runs once per cell and class. Their order is left to chance: detect_rank.wgsl brings it in.

const LEAST = 0.1;      // as pycore/tracking/decoding.py
const MOST = 4096u;     // candidates that are kept of a frame; a picture of noise has more

struct Candidates {
    count: atomic<u32>,
    none: u32,
    found: array<vec2u>,    // score, and place in heat
}

@group(0) @binding(0) var<storage, read> heat: array<f32>;
@group(0) @binding(2) var<storage, read_write> candidates: Candidates;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let grid = cells();
    if (any(id.xy >= vec2u(grid.x, 2 * grid.y))) {
        return;
    }
    let kind = id.y / grid.y;
    let row = i32(id.y % grid.y);
    let column = i32(id.x);
    let here = id.y * grid.x + id.x;
    let score = heat[here];
    if (!(score >= LEAST)) {    // also what is not a number
        return;
    }
    for (var y = -1; y <= 1; y++) {
        for (var x = -1; x <= 1; x++) {
            let inside = row + y >= 0 && row + y < i32(grid.y) && column + x >= 0 && column + x < i32(grid.x);
            if (!inside || (x == 0 && y == 0)) {
                continue;
            }
            let other = heat[i32(here) + y * i32(grid.x) + x];
            let before = y < 0 || (y == 0 && x < 0);
            if (other > score || (before && other == score)) {
                return;
            }
        }
    }
    let place = atomicAdd(&candidates.count, 1);
    if (place < MOST) {
        candidates.found[place] = vec2u(bitcast<u32>(score), here);
    }
}
