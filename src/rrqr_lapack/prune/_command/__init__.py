"""The ``rrqr`` command: its arguments, the models that it opens, its demonstration."""
