"""Over which pairs a loss is computed, and what is kept: a folder a verb, with a file an engine."""
