// Which output group an invocation of a convolution makes: the workgroup's third side counts them.

fn own_group(z: u32) -> u32 {
    return z;
}
