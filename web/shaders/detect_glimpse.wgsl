// The picture's mean colours on a coarse grid, 8 bits each, by which cuts are told: as pycore/tracking/cuts.py defines it.
// Joined with: detect_view.wgsl. One workgroup per cell of the grid.

const COLUMNS = 16u;
const ROWS = 9u;
const STEP = 4u;
const THREADS = 64u;

@group(0) @binding(0) var<storage, read> picture: array<f32>;
@group(0) @binding(2) var<storage, read_write> result: array<u32>;

var<workgroup> sums: array<vec3f, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
    let cell = vec2u(group.x % COLUMNS, group.x / COLUMNS);
    let grid = vec2u(COLUMNS, ROWS);
    let start = cell * view.used / grid;
    let end = max((cell + 1) * view.used / grid, start + 1);
    let points = (end - start + STEP - 1) / STEP;
    let plane = view.size.x * view.size.y;
    var sum = vec3f(0.0);
    for (var i = thread; i < points.x * points.y; i += THREADS) {
        let at = start + STEP * vec2u(i % points.x, i / points.x);
        let place = at.y * view.size.x + at.x;
        sum += vec3f(picture[place], picture[plane + place], picture[2 * plane + place]);
    }
    sums[thread] = sum;
    workgroupBarrier();
    if (thread == 0) {
        var mean = vec3f(0.0);
        for (var i = 0u; i < THREADS; i++) {
            mean += sums[i];
        }
        let bytes = vec3u(round(255.0 * clamp(mean / f32(points.x * points.y), vec3f(0.0), vec3f(1.0))));
        result[HEAD + SLOT * (PEOPLE + BALLS) + group.x] = bytes.r | (bytes.g << 8) | (bytes.b << 16);
    }
}
