"""Pivoted QR: the drop-in, the truncated one, its factor as an object, strong, tall, and least squares on it."""
