"""On what machine a program runs: the compilers, what they are given, and threads."""
