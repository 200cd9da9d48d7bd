// What all convolution kernels of a net share: a 3x3 convolution with the PReLU after it, cells (2x2 source pixels) in, cells out;
// borders repeat.
//
// Channels go in groups of four. A workgroup makes COLUMNS x (ROWS * STRIP) cells: its input lies in workgroup memory, one group of
// channels at a time, and one invocation makes a strip of cells, one below the other, in EACH groups of output channels.
// Sums are f32. A kernel names STRIP, EACH and MATRICES (from one input group to one output group), and has `weights`: for each output
// group, each input group, each column of taps, its matrices from four input to four output channels; after that for each output group a
// matrix whose first column is the bias, the second the slope.
// Whoever makes input_at is told which cells are the workgroup's own: each is some workgroup's, once.
// Joined with: look.wgsl, a kept_*.wgsl, a cells_in*.wgsl (input_at), a cells_out*.wgsl (put), a conv_*.wgsl.

override COLUMNS: u32 = 16;
override ROWS: u32 = 2;
// Groups of input and of output channels.
override IN: u32 = 1;
override OUT: u32 = 1;

override WIDE: u32 = COLUMNS + 2;
override HIGH: u32 = ROWS * STRIP + 2;
override THREADS: u32 = COLUMNS * ROWS * (OUT / EACH);

var<workgroup> tile: array<Kept, WIDE * HIGH>;

fn cells() -> vec2i {
    return (look.size + 1) / 2;
}

// Brings a group's input into the tile, whose first cell is `first`; `last` is the picture's last. Barriers are the caller's.
fn fill(group: u32, first: vec2i, last: vec2i, index: u32) {
    for (var at = index; at < WIDE * HIGH; at += THREADS) {
        let place = vec2u(at % WIDE, at / WIDE);
        let cell = first + vec2i(place) - 1;
        let own = all(place > vec2u(0)) && all(place < vec2u(WIDE, HIGH) - 1) && all(cell <= last);
        tile[at] = Kept(input_at(group, clamp(cell, vec2i(0), last), own));
    }
}

fn tile_at(at: u32) -> vec4f {
    return vec4f(tile[at]);
}

fn mac(w: mat4x4f, value: vec4f, sum: vec4f) -> vec4f {
    return fma(w[3], value.wwww, fma(w[2], value.zzzz, fma(w[1], value.yyyy, fma(w[0], value.xxxx, sum))));
}

fn finish(group: u32, at: vec2i, last: vec2i, sum: vec4f) {
    let end = weights[OUT * IN * MATRICES + group];
    let value = sum + end[0];
    if (all(at <= last)) {
        put(group, at, select(value * end[1], value, value >= vec4f(0.0)));
    }
}
