"""Factorizations from random products: ranges, singular vectors, eigenvectors, principal components."""
