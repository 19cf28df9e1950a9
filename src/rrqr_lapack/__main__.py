"""``python -m rrqr_lapack`` is ``rrqr``."""

import sys

from .prune._command.cli import main

sys.exit(main())
