"""A machine that executes the PTX of kernels on the host, for tests: neither a GPU, nor fast, nor all of PTX.

It refuses what it does not know, by name, and as compute-sanitizer does what a GPU may do otherwise than is meant.
"""
