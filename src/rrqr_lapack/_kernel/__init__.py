"""Positive semidefinite and kernel matrices: Cholesky, Nystrom, ridge regression, embedding."""
