"""
Principal components of a stream
================================

Batches arrive one after the other and are forgotten. After each, `PCA` has the components of all that it has seen;
after the last they are those of the whole matrix.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from rrqr_lapack import PCA

X = load_digits().data
rank, batches = 10, np.array_split(X, 18)
whole = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)[2][:rank]

model, angles = PCA(rank, rng=0), []
for batch in batches:
    model.partial_fit(batch)
    cosines = np.linalg.svd(whole @ model.components_.T, compute_uv=False)
    angles.append(np.degrees(np.arccos(np.clip(cosines.min(), 0, 1))))

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), width_ratios=(3, 2))
left.semilogy(np.cumsum([len(batch) for batch in batches]), angles, "o-")
left.set(xlabel="rows seen", title="largest angle to the components of all rows, degrees")
right.imshow(model.components_[:8].reshape(2, 4, 8, 8).transpose(0, 2, 1, 3).reshape(16, 32), cmap="RdBu")
right.set_title("the first eight")
right.set_axis_off()
figure.tight_layout()
