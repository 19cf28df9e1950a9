r"""
Where LoRA begins
=================

LoRA trains a product of two thin matrices beside a frozen weight. It can begin at random times zero, or with the
principal part of the weight (PiSSA: F. Meng et al., arXiv:2404.02948), which `low_rank_factors` computes, and
`lora_init` for layers of PyTorch. Then the frozen rest is small, so that quantizing it costs less.
"""

import matplotlib.pyplot as plt
import numpy as np
from measured import measured

from rrqr_lapack import low_rank_factors
from rrqr_lapack.prune import load
from rrqr_lapack.prune._command import fashion_mnist, trial

weight = load(trial.NETWORK).layers[1].weight


def quantized(w, bits=4):
    """Rounded to 2^bits levels between the largest entries."""
    step = 2 * np.abs(w).max() / (2**bits - 1)
    return np.round(w / step) * step


ranks = (0, 2, 4, 8, 16, 32)
errors, rest = [], []
for rank in ranks:
    principal = low_rank_factors(weight, rank=rank).reconstruct() if rank else np.zeros_like(weight)
    errors.append(np.linalg.norm(quantized(weight - principal) + principal - weight) / np.linalg.norm(weight))
    rest.append(np.linalg.norm(weight - principal) / np.linalg.norm(weight))

# %%
# All layers of a network that knows Fashion-MNIST are quantized to 2 bits, and adapters of rank 8 are trained on 1,000
# images to make up for it; another 1,000 test it. Each start has the best of four learning rates. This takes PyTorch:
# it was measured once, by the command and at the commit that it names.


def measure():
    import torch
    from torch.nn.functional import cross_entropy, linear

    from rrqr_lapack.prune.torch import lora_init

    def random_start(layer, rank):
        A = torch.nn.init.kaiming_uniform_(torch.empty(rank, layer.in_features), a=5**0.5)
        return A, torch.zeros(layer.out_features, rank), layer.weight.detach()

    with np.load(fashion_mnist.SHIPPED) as data:
        images = torch.tensor(data["test_images"].reshape(-1, 784) / 255, dtype=torch.float32)
        labels = torch.tensor(data["test_labels"].astype(np.int64))
    layers = []
    for each in load(trial.NETWORK).layers:
        layer = torch.nn.Linear(*each.weight.shape)
        layer.weight.data = torch.tensor(each.weight.T.copy(), dtype=torch.float32)
        layer.bias.data = torch.tensor(each.bias, dtype=torch.float32)
        layers.append(layer.requires_grad_(False))

    def train(start, rate, steps=150):
        """The losses, and the accuracy before, on the way and after, in percent."""
        torch.manual_seed(0)
        parts = [start(layer, 8) for layer in layers]
        parts = [(A, B, torch.tensor(quantized(rest.numpy(), bits=2))) for A, B, rest in parts]
        optimizer = torch.optim.Adam([part.requires_grad_() for A, B, _ in parts for part in (A, B)], lr=rate)

        def outputs(x):
            for i, ((A, B, rest), layer) in enumerate(zip(parts, layers, strict=True)):
                x = linear(x, rest + B @ A, layer.bias)
                x = torch.relu(x) if i < len(layers) - 1 else x
            return x

        def accuracy():
            with torch.no_grad():
                return round(100 * float((outputs(images[1000:]).argmax(1) == labels[1000:]).double().mean()), 2)

        losses, found = [], [accuracy()]
        for step in range(1, steps + 1):
            batch = torch.randint(1000, (100,))
            loss = cross_entropy(outputs(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
            if step % 10 == 0:
                found.append(accuracy())
        return losses, found

    starts = {"random times zero": random_start, "principal part": lora_init}
    runs = {name: {rate: train(start, rate) for rate in (3e-4, 1e-3, 3e-3, 1e-2)} for name, start in starts.items()}
    best = {name: min(tried, key=lambda rate: np.mean(tried[rate][0][-20:])) for name, tried in runs.items()}
    return {name: {"rate": best[name], "accuracy": tried[best[name]][1]} for name, tried in runs.items()}


found = measured("lora_start", measure)

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.6))
left.semilogy(ranks, rest, "o-", label="norm of the frozen rest")
left.semilogy(ranks, errors, "s-", label="error of quantizing it to 4 bits")
left.set(xlabel="rank of the adapter", title="relative to the weight")
left.legend()
for name, run in found.items():
    right.plot(10 * np.arange(len(run["accuracy"])), run["accuracy"], "o-", ms=3, label=f"{name}, rate {run['rate']:g}")
right.set(xlabel="step", title="test accuracy, rest in 2 bits, %")
right.legend()
figure.tight_layout()
