"""How many components: a number of them, or a share of the squared norm that they must keep."""

import math
import numbers
from typing import Any

from .._common.arrays import check_count


def rank_and_rtol(n_components: Any, samples: int, features: int) -> tuple[int | None, float | None]:
    """What `rank` and `rtol` of the factorizations say the same: a share f of the squares leaves (1 - f)^(1/2)."""
    if n_components is None:
        return None, None
    if isinstance(n_components, numbers.Real) and not isinstance(n_components, numbers.Integral):
        share = float(n_components)
        if not 0 < share < 1:
            raise ValueError(f"n_components must be an integer, or a share between 0 and 1, got {n_components!r}")
        return None, math.sqrt(1 - share)
    rank = check_count("n_components", n_components, 1)
    if rank > min(samples, features):
        raise ValueError(
            f"n_components must be at most the smaller side of X, n_samples={samples} and n_features={features}, "
            f"got {rank}"
        )
    return rank, None
