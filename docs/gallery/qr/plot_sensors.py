r"""
Where to measure
================

A field is a combination of a few modes. Which stations determine it best? Pivoted QR of the modes, transposed,
chooses rows that are well conditioned: Q-DEIM (Z. Drmac, S. Gugercin, doi:10.1137/15M1019271). Stations at random
need many more for the same error.
"""

import matplotlib.pyplot as plt
import numpy as np

from rrqr_lapack import select_columns

rng = np.random.default_rng(0)
side, modes = 40, 15
grid = np.stack(np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side)), axis=-1).reshape(-1, 2)

# %%
# Snapshots: bumps that wander over the square. Their singular vectors are the modes.

centres = rng.uniform(0.1, 0.9, (400, 2))
snapshots = np.exp(-np.sum((grid[:, None] - centres) ** 2, axis=2) / 0.08)
U = np.linalg.svd(snapshots[:, :300], full_matrices=False)[0][:, :modes]
new = snapshots[:, 300:]


def error(stations):
    """Of fields not seen before, from their values at the stations and a noise of 1 %."""
    seen = new[stations] + 0.01 * rng.standard_normal((len(stations), new.shape[1]))
    return np.linalg.norm(U @ np.linalg.lstsq(U[stations], seen, rcond=None)[0] - new) / np.linalg.norm(new)


chosen = select_columns(U.T, modes).columns
counts = np.array([15, 18, 22, 27, 33, 40, 60, 90])
random = np.array([[error(rng.choice(len(grid), k, replace=False)) for k in counts] for _ in range(20)])

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4))
left.imshow(snapshots[:, 0].reshape(side, side), origin="lower", extent=(0, 1, 0, 1), cmap="Greys")
left.plot(*grid[chosen].T, "o", color="C3")
left.set_title(f"{modes} stations by pivoted QR")
right.semilogy(counts, np.median(random, axis=0), "o-", label="at random, median of 20")
right.fill_between(counts, random.min(axis=0), random.max(axis=0), alpha=0.2)
right.axhline(error(chosen), color="C3", label=f"{modes} by pivoted QR")
right.set(xlabel="stations", title="relative error on new fields")
right.legend()
figure.tight_layout()
