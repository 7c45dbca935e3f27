"""Which boxes survive those with higher scores that are too much like them."""
