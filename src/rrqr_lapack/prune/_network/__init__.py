"""Networks of dense layers: what they are, how they are pruned, and their files."""
