// A convolution's tile as halves: half the workgroup memory, and nothing lost, for halves are what the layer before it left.

alias Kept = vec4h;
