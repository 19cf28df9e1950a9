"""Pivoted QR of arrays where they are: one implementation for any library that follows the array API standard."""

from .factorize import factor
from .result import DeviceFactor

__all__ = ["DeviceFactor", "factor"]
