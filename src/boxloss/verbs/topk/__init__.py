"""For each box the best few of others, sorted."""
