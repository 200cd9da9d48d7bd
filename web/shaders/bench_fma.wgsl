// The bench's measure of arithmetic: sixteen independent chains of f32 fused multiply-adds on vectors, and nothing else.
// Written out, because compilers leave loops over an array rolled.

@group(0) @binding(0) var<storage, read_write> sink: array<vec4f>;
@group(0) @binding(1) var<uniform> given: array<vec4f, 2>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let a = given[0];
    let b = given[1];
    let x = vec4f(f32(id.x));
    var s0 = x; var s1 = x + 1.0; var s2 = x + 2.0; var s3 = x + 3.0; var s4 = x + 4.0; var s5 = x + 5.0; var s6 = x + 6.0; var s7 = x + 7.0;
    var s8 = x - 1.0; var s9 = x - 2.0; var s10 = x - 3.0; var s11 = x - 4.0; var s12 = x - 5.0; var s13 = x - 6.0; var s14 = x - 7.0; var s15 = x - 8.0;
    for (var i = 0; i < 512; i++) {
        s0 = fma(s0, a, b); s1 = fma(s1, a, b); s2 = fma(s2, a, b); s3 = fma(s3, a, b);
        s4 = fma(s4, a, b); s5 = fma(s5, a, b); s6 = fma(s6, a, b); s7 = fma(s7, a, b);
        s8 = fma(s8, a, b); s9 = fma(s9, a, b); s10 = fma(s10, a, b); s11 = fma(s11, a, b);
        s12 = fma(s12, a, b); s13 = fma(s13, a, b); s14 = fma(s14, a, b); s15 = fma(s15, a, b);
    }
    let sum = s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11 + s12 + s13 + s14 + s15;
    if (sum.x == 12345.0) { // never, but the compiler does not know
        sink[0] = sum;
    }
}
