// A canvas of format rgba8unorm: compose.wgsl writes to it. WGSL has no override for a texture's format.

@group(0) @binding(0) var canvas: texture_storage_2d<rgba8unorm, write>;
