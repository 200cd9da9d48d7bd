// A convolution's tile as f32.

alias Kept = vec4f;
