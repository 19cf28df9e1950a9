"""Interpolative decompositions: a matrix from a few of its own columns, rows, or both."""
