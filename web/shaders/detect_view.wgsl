// What of a frame the detector looks at, and how it lies in the net's input. pycore/detection/view.py packs it.

struct View {
    origin: vec2f,      // the input's top left corner in the frame, in its pixels
    across: vec2f,      // from one input pixel to the next on its right, in the frame
    down: vec2f,        // and to the next below: with rotated video neither is along an axis of the frame alone
    size: vec2u,        // of the net's input, multiples of 32
    used: vec2u,        // of what the picture fills of it; the rest is black
    samples: u32,       // points per input pixel, across and down, that are averaged
}

@group(0) @binding(1) var<uniform> view: View;

const STRIDE = 4u;      // as pycore/tracking/decoding.py
const HEAD = 4u;        // words before the first slot: people, balls, candidates, nothing
const PEOPLE = 128u;    // slots
const BALLS = 8u;
const SLOT = 11u;       // words: score, cell, four distances, five with the kit's bins

fn cells() -> vec2u {
    return view.size / STRIDE;
}
