r"""
A causal language model
=======================

A small LLaMA of bytes (three layers of 96 features, eight heads, 256 gated neurons) learns Python's own reference for
half a minute. Then neurons and heads go, without further training. Perplexity is measured on text that neither
training nor calibration has seen. A model with weights of the world, SmolLM2, is in :doc:`/smollm2`.
"""

import matplotlib.pyplot as plt
from measured import measured

SCHEMES = {
    "the default": {},
    "pivoted QR, one fit": {"method": "id", "refit": None},
    "magnitude, one fit": {"method": "magnitude", "correction": "lstsq", "refit": None},
    "magnitude alone": {"method": "magnitude", "correction": "none", "refit": None},
}
LENGTH = 128  # bytes of a sequence


# %%
# This takes PyTorch and transformers. What is drawn below was measured once, by the command and at the commit that it
# names; the page is built without them.


def measure():
    import pydoc_data.topics

    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from rrqr_lapack.prune.torch import analyze, apply, plan

    torch.manual_seed(0)
    text = "\n".join(pydoc_data.topics.topics[name] for name in sorted(pydoc_data.topics.topics))
    data = torch.tensor(list(text.encode("ascii", "replace")))
    data = data[: len(data) // LENGTH * LENGTH].view(-1, LENGTH)
    data = data[torch.randperm(len(data))]
    unseen, samples, training = data[:100], data[100:228], data[228:]

    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=128,
            hidden_size=96,
            intermediate_size=256,
            num_hidden_layers=3,
            num_attention_heads=8,
            num_key_value_heads=8,
            max_position_embeddings=LENGTH,
        )
    )
    steps = 300
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    for _ in range(steps):
        batch = training[torch.randint(len(training), (16,))]
        model(batch, labels=batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
    model.eval()

    def perplexity(each):
        with torch.no_grad():
            return float(each(unseen, labels=unseen).loss.exp())

    analysis = analyze(model, {"input_ids": samples}, batch_size=16)
    found = {"original": perplexity(model), "schemes": {}}
    for name, options in SCHEMES.items():
        for params in (0.5, 0.65, 0.8, 0.9):
            chosen = plan(analysis, params=params, **options)
            size = chosen.parameters_after / chosen.parameters_before
            found["schemes"].setdefault(name, []).append([size, perplexity(apply(analysis, chosen))])
    return found


found = measured("language_model", measure)

# %%
# Perplexity is that of a byte.

figure, axis = plt.subplots(figsize=(6.5, 4))
for name, points in found["schemes"].items():
    axis.plot([100 * size for size, _ in points], [value for _, value in points], "o-", ms=4, label=name)
axis.axhline(found["original"], color="grey", lw=0.8)
axis.set(xlabel="% of the parameters", ylabel="perplexity")
axis.legend(fontsize=8)
figure.tight_layout()
