"""torch: the autograd node, the operators of compiled graphs, and what Dynamo traces."""
