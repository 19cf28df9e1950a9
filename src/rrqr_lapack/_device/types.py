"""The types of what the array API standard does not name."""

from typing import Any, TypeAlias

DeviceArray: TypeAlias = Any  # an array of any library that follows the standard
Namespace: TypeAlias = Any  # its functions
