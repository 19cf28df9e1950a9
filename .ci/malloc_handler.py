"""For pytest a plugin, otherwise a module to import: NumPy's arrays by malloc alone, as malloc_handler.c has it."""

import ctypes
import os

_library = ctypes.PyDLL(os.environ["MALLOC_HANDLER"])
_library.use_malloc.restype = ctypes.py_object
_library.use_malloc()
