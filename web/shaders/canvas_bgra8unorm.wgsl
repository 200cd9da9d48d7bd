// A canvas of format bgra8unorm: compose.wgsl writes to it. WGSL has no override for a texture's format.

@group(0) @binding(0) var canvas: texture_storage_2d<bgra8unorm, write>;
