"""Column subset selection: which k columns of a matrix represent the others best, one method a module."""

from .result import ColumnSelection
from .select import select_columns

__all__ = ["ColumnSelection", "select_columns"]
