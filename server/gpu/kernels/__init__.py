"""CUDA kernels in Triton for what cuDNN leaves on the table: convolutions that do their bias, activation and
addition in the same pass, and warping with exact places. Imported only where a CUDA device is at work."""
