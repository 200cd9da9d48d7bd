"""Finding players in pictures: what the net sees of a frame, on the GPU or on the CPU. Association is in
`pycore.tracking`."""
