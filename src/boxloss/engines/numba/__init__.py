"""The compiler of kernels for CPUs."""
