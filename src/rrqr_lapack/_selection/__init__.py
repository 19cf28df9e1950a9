"""Column subset selection: which k columns of a matrix represent the others best, one method a module."""

from .certificate import Certificate, certify
from .result import ColumnSelection
from .select import select_columns

__all__ = ["Certificate", "ColumnSelection", "certify", "select_columns"]
