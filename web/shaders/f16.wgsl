// First of all files where a stage computes with halves, for directives come first.
enable f16;
