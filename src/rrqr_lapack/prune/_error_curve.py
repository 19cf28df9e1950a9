"""The error of a group for every share of its units: sampled, as curves to draw, and as a line of text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from .._common.draw import Curves

POINTS = 32  # shares of the units at which a curve is known: 1/32, 2/32, ... 1
FLOOR = 1e-3  # relative errors at and below it are the lowest mark of a sparkline
BLOCKS, ASCII = "▁▂▃▄▅▆▇█", "_.-~=+*#"  # from no error to all of it


def sampled(errors: np.ndarray, width: int) -> tuple[float, ...]:
    """Of the errors with 0, 1, 2, ... units those at the shares, rounded up; with all units there is none.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.prune._error_curve import sampled
    >>> sampled(np.linspace(1, 0, 65), 64)[:3]
    (0.96875, 0.9375, 0.90625)
    """
    shares = -(-width * np.arange(1, POINTS) // POINTS)
    return *map(float, errors[np.minimum(shares, len(errors) - 1)]), 0.0


def error_curves(groups: Iterable[tuple[str, Sequence[float], int, int]]) -> Curves:
    """Of groups, each a name, its curve, and how many of how many units it keeps."""
    percent = 100 * np.arange(1, POINTS + 1) / POINTS
    lines, marks = {}, {}
    for name, curve, kept, width in groups:
        label = f"{name}: {kept} of {width}"
        lines[label], marks[label] = np.asarray(curve), 100 * kept / width
    return Curves(percent, lines, "units kept (%)", "error of Z", marks)


def sparkline(curve: Iterable[float], encoding: str | None) -> str:
    """The curve in a line of marks, on a logarithmic scale; in ASCII where the encoding has no blocks.

    Examples
    --------
    >>> from rrqr_lapack.prune._error_curve import sparkline
    >>> sparkline([1, 0.3, 0.1, 0.03, 0.01, 0], "utf-8"), sparkline([1, 0.03, 0], "ascii")
    ('█▇▆▄▃▁', '#~_')
    """
    try:
        BLOCKS.encode(encoding or "ascii")
        marks = BLOCKS
    except (UnicodeEncodeError, LookupError):
        marks = ASCII
    share = 1 - np.log(np.clip(np.asarray([*curve], float), FLOOR, 1)) / np.log(FLOOR)
    return "".join(marks[i] for i in np.round(share * (len(marks) - 1)).astype(int))
