"""
The missing pixels of a photograph
==================================

Three pixels of five are gone. A matrix of low rank is fitted to those that are left, with a penalty that held-out
pixels choose.
"""

import matplotlib.pyplot as plt
import numpy as np
import scipy.sparse
from sklearn.datasets import load_sample_image

from rrqr_lapack import complete

image = load_sample_image("china.jpg")[::4, ::4].mean(axis=2) / 255
rng = np.random.default_rng(0)
seen = rng.random(image.shape) < 0.4
mean = image[seen].mean()
observed = scipy.sparse.csr_array(np.where(seen, image - mean, 0))
found = complete(observed, rank=25, rng=0)
filled = np.clip(found.reconstruct() + mean, 0, 1)
filled[seen] = image[seen]


def error(x):
    """Root mean square error on the pixels that were not seen."""
    return np.sqrt(np.mean((x - image)[~seen] ** 2))


print(f"rank {found.rank}; error {error(filled):.3f}, of the mean grey {error(np.full_like(image, mean)):.3f}")
figure, axes = plt.subplots(1, 3, figsize=(10, 3))
for axis, (title, picture) in zip(
    axes, {"seen: 40 %": np.where(seen, image, 1), "completed": filled, "original": image}.items(), strict=True
):
    axis.imshow(picture, cmap="gray", vmin=0, vmax=1)
    axis.set_title(title)
    axis.set_axis_off()
figure.tight_layout()
