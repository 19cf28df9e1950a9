"""Matrix completion: the missing entries of a matrix of low rank."""
