"""
CUR of a term matrix: words and pages that stand for the others
===============================================================

Python's own help topics, as a sparse matrix of words by pages. Singular vectors of it are sums over all words; CUR
answers with words and pages.
"""

import re
from collections import Counter
from pydoc_data import topics

import matplotlib.pyplot as plt
import numpy as np
import scipy.sparse

from rrqr_lapack import cur, randomized_svd

pages = {name: Counter(re.findall(r"[a-z]{4,}", text.lower())) for name, text in topics.topics.items()}
names = sorted(name for name, counts in pages.items() if sum(counts.values()) > 150)
words = sorted({word for name in names for word in pages[name]})
place = {word: i for i, word in enumerate(words)}
entries = [(place[word], j, count) for j, name in enumerate(names) for word, count in pages[name].items()]
rows, columns, counts = np.transpose(entries)
A = scipy.sparse.csc_array((1 + np.log(counts), (rows, columns)), (len(words), len(names)))
A = A / scipy.sparse.linalg.norm(A, axis=0)  # pages of any length count alike
print(A.shape, f"{A.nnz / np.prod(A.shape):.1%} of the entries are not zero")

# %%
# Chosen pages and words, in the order in which they were chosen.

found = cur(A, rank=12, rng=0)
print("pages:", ", ".join(names[j] for j in found.columns))
print("words:", ", ".join(words[i] for i in found.rows))

# %%
# The error beside the optimum's.

ranks = [2, 5, 10, 15, 20, 30]
norm = scipy.sparse.linalg.norm(A)
figure, axis = plt.subplots(figsize=(6, 3.4))
axis.plot(ranks, [cur(A, rank=k, rng=0).error / norm for k in ranks], "o-", label="CUR")
axis.plot(ranks, [randomized_svd(A, rank=k, rng=0).error / norm for k in ranks], "s--", label="randomized SVD")
axis.set(xlabel="rank", ylabel="relative error", ylim=(0, 1))
axis.legend()
figure.tight_layout()
