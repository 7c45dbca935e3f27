"""Which library an array is of, and what a machine has for it; nothing is imported to find out."""
