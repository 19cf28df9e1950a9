"""A small language model trained in subspaces of its gradients, found in several ways, beside full training.

    python docs/examples/gradient_projection.py --plot losses.png
    python docs/examples/gradient_projection.py --refresh 512 1024 2048 --device cuda

The text is Python's own documentation, `pydoc_data.topics`, which comes with Python: nearly half a million characters,
of which the last tenth is kept to measure on. The model is a transformer on characters. Printed are the loss on the
text that was kept, the memory of the optimizer's state, and the time of a search for the subspaces of all weights, each
weight's least; with --refresh instead the time of a search for a single gradient of the given width, four times as
long.
"""

import argparse
import functools
import time
from importlib import import_module

import torch
from projected_optimizer import Projected, randomized_vectors, sampled_range, selected_rows, singular_vectors
from torch import nn

SUBSPACES = {
    "SVD": singular_vectors,
    "randomized_svd": randomized_vectors,
    "range_finder": sampled_range,
    "select_columns": selected_rows,
}
BATCH, CONTEXT = 16, 64


class Model(nn.Module):
    """Characters in, logits of the next ones out."""

    def __init__(self, characters, width, layers):
        super().__init__()
        self.embedding = nn.Embedding(characters, width)
        self.positions = nn.Parameter(torch.zeros(CONTEXT, width))
        kind = {"activation": "gelu", "batch_first": True, "norm_first": True, "dropout": 0.0}
        block = nn.TransformerEncoderLayer(width, width // 32, 4 * width, **kind)
        self.blocks = nn.TransformerEncoder(block, layers, nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, characters, bias=False)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(CONTEXT))

    def forward(self, x):
        """(samples, positions) to (samples, positions, characters)."""
        return self.head(self.blocks(self.embedding(x) + self.positions, self.mask, is_causal=True))


def text():
    """The characters as numbers, those to learn from and those to measure on."""
    topics = import_module("pydoc_data.topics").topics
    joined = "\n".join(topics[name] for name in sorted(topics))
    known = {character: i for i, character in enumerate(sorted(set(joined)))}
    numbers = torch.tensor([known[character] for character in joined])
    cut = 9 * len(numbers) // 10
    return len(known), numbers[:cut], numbers[cut:]


def loss(model, numbers, starts):
    """Of the characters that follow each of those after `starts`, in nats a character."""
    windows = numbers[starts[:, None] + torch.arange(CONTEXT + 1)].to(model.positions.device)
    return nn.functional.cross_entropy(model(windows[:, :-1]).flatten(0, 1), windows[:, 1:].flatten())


def train(make, steps, width, layers, device="cpu", measured=25):
    """Losses on the text that was kept, [(step, loss), ...], and what `make` made of the model's parameters."""
    torch.manual_seed(0)
    characters, learned, kept = text()
    model = Model(characters, width, layers).to(device)
    optimizer = make(model.parameters())
    aside = torch.arange(0, len(kept) - CONTEXT - 1, 400)
    losses = []
    for step in range(steps + 1):
        if step % measured == 0:
            with torch.no_grad():
                losses.append((step, float(loss(model, kept, aside))))
        starts = torch.randint(len(learned) - CONTEXT - 1, (BATCH,))
        optimizer.zero_grad()
        loss(model, learned, starts).backward()
        optimizer.step()
    return losses, optimizer


def state_bytes(optimizer):
    """What an optimizer keeps from step to step."""
    bases = getattr(optimizer, "bases", [])
    states = getattr(optimizer, "optimizer", optimizer).state.values()
    tensors = [*(b for b in bases if b is not None), *(t for s in states for t in s.values() if torch.is_tensor(t))]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def timed(function, repeats=5):
    """The least time of a few calls, the device waited for."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        float(function().flatten()[0])  # waits
        times.append(time.perf_counter() - start)
    return min(times)


def refresh(n, rank, device):
    """Seconds of each way to find a subspace of an n x 4 n gradient whose singular values fall as 1 / j."""
    draw = functools.partial(torch.randn, generator=torch.Generator().manual_seed(0))
    left, right = torch.linalg.qr(draw(n, n))[0], torch.linalg.qr(draw(4 * n, n))[0]
    G = (left / torch.arange(1, n + 1) @ right.mT).to(device)
    best = float((G - singular_vectors(G, rank, 0) @ (singular_vectors(G, rank, 0).mT @ G)).norm())
    for name, subspace in SUBSPACES.items():
        basis = subspace(G, rank, 0)
        left_over = float((G - basis @ (basis.mT @ G)).norm()) / best
        yield name, timed(lambda subspace=subspace: subspace(G, rank, 0)), left_over


def adam(parameters, lr):
    """The optimizer that is wrapped."""
    return torch.optim.Adam(parameters, lr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--rank", type=int, default=32)
    parser.add_argument("--every", type=int, default=50, help="steps between two searches for subspaces")
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--plot", metavar="FILE")
    parser.add_argument("--refresh", type=int, nargs="+", metavar="N", help="only time searches for single gradients")
    args = parser.parse_args()
    if args.refresh:
        print("| gradient | rank | subspace | seconds | error / least |\n|---|---|---|---|---|")
        for n in args.refresh:
            for name, seconds, error in refresh(n, n // 8, args.device):
                print(f"| {n} x {4 * n} | {n // 8} | {name} | {seconds:.4f} | {error:.3f} |", flush=True)
        return
    whole = functools.partial(adam, lr=args.lr)
    ways = {"all of the gradient": whole} | {
        name: functools.partial(Projected, make=whole, rank=args.rank, subspace=subspace, every=args.every)
        for name, subspace in SUBSPACES.items()
    }
    curves = {}
    print("| subspace | loss | state, MB | seconds a refresh |\n|---|---|---|---|")
    for name, make in ways.items():
        spent = []
        if name in SUBSPACES:
            make = functools.partial(make, subspace=noted(SUBSPACES[name], spent))
        curves[name], optimizer = train(make, args.steps, args.width, args.layers, args.device)
        searches = torch.tensor(spent).reshape(args.steps // args.every + 1, -1)
        seconds, (_, last) = float(searches.amin(0).sum()), curves[name][-1]
        print(f"| {name} | {last:.3f} | {state_bytes(optimizer) / 1e6:.2f} | {seconds:.4f} |", flush=True)
    if args.plot:
        plot(curves, args.plot)


def noted(subspace, spent):
    """The same function, which notes what it takes."""

    def call(G, rank, seed):
        start = time.perf_counter()
        basis = subspace(G, rank, seed)
        float(basis.flatten()[0])  # waits for the device
        spent.append(time.perf_counter() - start)
        return basis

    return call


def plot(curves, path):
    """Loss over steps, a line for each way."""
    figure = import_module("matplotlib.figure").Figure((6, 4), layout="constrained")
    axes = figure.subplots()
    for name, points in curves.items():
        axes.plot(*zip(*points, strict=True), label=name, lw=1, ls="--" if name not in SUBSPACES else "-")
    top = 1.02 * max(loss for points in curves.values() for _, loss in points[1:])  # all begin at the same
    axes.set(xlabel="step", ylabel="loss on text that was kept, nats a character", ylim=(None, top))
    axes.legend()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
