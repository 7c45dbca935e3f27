"""Each box with each other: a matrix of values."""
