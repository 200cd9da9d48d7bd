enable subgroups;
// As group_local.wgsl, and the compiler learns that all of a subgroup make the same group, so that weights are read once for all of
// them. That holds where a subgroup never spans two groups, which kernels.py sees to and the tuner checks on the very GPU.

fn own_group(z: u32) -> u32 {
    return subgroupBroadcastFirst(z);
}
