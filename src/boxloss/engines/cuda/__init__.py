"""The compiler and the launcher of kernels for NVIDIA GPUs."""
