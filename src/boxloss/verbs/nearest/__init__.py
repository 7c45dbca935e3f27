"""For each box the best of others: one value and which it is of."""
