"""``python -m rrqr_lapack`` is ``rrqr``."""

import sys

from .cli import main

sys.exit(main())
