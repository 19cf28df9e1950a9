"""Arguments that only the kernels of the host know, refused by name where an array is on another device."""

from typing import Any


def only(name: str, value: Any, *allowed: Any) -> None:
    """ValueError unless the argument has one of the values that devices know, the default first."""
    if not any(value is each or value == each for each in allowed):
        known = " or ".join(map(repr, allowed))
        raise ValueError(
            f"{name} must be {known} for an array that is not on the CPU, got {value!r}; move the array to the CPU"
        )
