"""The engines that run a formula. Each has `elementwise` and `pairwise`; `select` chooses among them."""
