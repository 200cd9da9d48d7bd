// What all convolution kernels of a net share: a 3x3 convolution with the PReLU after it, cells (2x2 source pixels) in, cells out;
// borders repeat.
//
// Channels go in groups of four. A workgroup makes COLUMNS x (ROWS * STRIP) cells: its input lies in workgroup memory, one group of
// channels at a time, and one invocation makes a strip of cells, one below the other, in EACH groups of output channels.
// Sums are f32. A kernel names STRIP, EACH and MATRICES (from one input group to one output group), and has `weights`: for each input
// group, each output group, each column of taps, its matrices from four input to four output channels; after that for each output group a
// matrix whose first column is the bias, the second the slope (`ending`).
// Whoever makes place_of is told which cells are the workgroup's own: each is some workgroup's, once.
// Joined with: look.wgsl, a kept_*.wgsl, a cells_in*.wgsl (place_of, input_at), a cells_out*.wgsl (put), a conv_*.wgsl.

override COLUMNS: u32 = 16;
override ROWS: u32 = 2;
// Groups of input and of output channels.
override IN: u32 = 1;
override OUT: u32 = 1;

override WIDE: u32 = COLUMNS + 2;
override HIGH: u32 = ROWS * STRIP + 2;
override CELLS: u32 = WIDE * HIGH;
override THREADS: u32 = COLUMNS * ROWS * (OUT / EACH);

var<workgroup> tile: array<Kept, CELLS>;

fn cells() -> vec2i {
    return (look.size + 1) / 2;
}

// Where the cells lie that an invocation brings: worked out once for all groups of channels, for that costs divisions. What more
// than these there is, where a workgroup is small, is worked out each time.
const PLACES = 6u;
var<private> place0: i32;
var<private> place1: i32;
var<private> place2: i32;
var<private> place3: i32;
var<private> place4: i32;
var<private> place5: i32;

fn place_at(at: u32, first: vec2i, last: vec2i) -> i32 {
    let place = vec2u(at % WIDE, at / WIDE);
    let cell = first + vec2i(place) - 1;
    let own = all(place > vec2u(0)) && all(place < vec2u(WIDE, HIGH) - 1) && all(cell <= last);
    return place_of(clamp(cell, vec2i(0), last), own);
}

// Call once, before `fill`: the tile's first cell is `first`, the picture's last is `last`.
fn aim(first: vec2i, last: vec2i, index: u32) {
    place0 = place_at(index, first, last);
    place1 = place_at(index + THREADS, first, last);
    place2 = place_at(index + 2u * THREADS, first, last);
    place3 = place_at(index + 3u * THREADS, first, last);
    place4 = place_at(index + 4u * THREADS, first, last);
    place5 = place_at(index + 5u * THREADS, first, last);
}

fn bring(group: u32, at: u32, place: i32) {
    if (at < CELLS) {
        tile[at] = Kept(input_at(group, place));
    }
}

// Brings a group's input into the tile. Barriers are the caller's.
fn fill(group: u32, first: vec2i, last: vec2i, index: u32) {
    bring(group, index, place0);
    if (THREADS < CELLS) { bring(group, index + THREADS, place1); }
    if (2u * THREADS < CELLS) { bring(group, index + 2u * THREADS, place2); }
    if (3u * THREADS < CELLS) { bring(group, index + 3u * THREADS, place3); }
    if (4u * THREADS < CELLS) { bring(group, index + 4u * THREADS, place4); }
    if (5u * THREADS < CELLS) { bring(group, index + 5u * THREADS, place5); }
    for (var at = index + PLACES * THREADS; at < CELLS; at += THREADS) {
        tile[at] = Kept(input_at(group, place_at(at, first, last)));
    }
}

fn tile_at(at: u32) -> vec4f {
    return vec4f(tile[at]);
}

fn mac(w: mat4x4f, value: vec4f, sum: vec4f) -> vec4f {
    return fma(w[3], value.wwww, fma(w[2], value.zzzz, fma(w[1], value.yyyy, fma(w[0], value.xxxx, sum))));
}

fn finish(group: u32, at: vec2i, last: vec2i, sum: vec4f) {
    let end = ending(group);
    let value = sum + end[0];
    if (all(at <= last)) {
        put(group, at, select(value * end[1], value, value >= vec4f(0.0)));
    }
}
