"""Compress the face detectors RNet and ONet without training, and see what samples to calibrate on are worth.

    pip install ".[prune,torch]" pillow && pip install --no-deps facenet-pytorch scikit-image
    python docs/examples/detectors.py

The weights are those of the package facenet-pytorch, the pictures those that come with scikit-image: photographs, cut
out at random places and scales, and 200 pictures of 25 x 25 pixels, half of them faces. Every second picture gives the
samples to calibrate on, without labels, the others those to test on. Quality is the share of samples for which the
small network and the original agree on whether it is a face; the error is that of all outputs, relative. A few minutes
on one core.
"""

import argparse
import importlib.util
import sys
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import interpolate

from rrqr_lapack.prune.torch import analyze, apply, plan

SIZES = {"RNet": 24, "ONet": 48}  # pixels a side
COLOURED = (
    "astronaut",
    "coffee",
    "chelsea",
    "motorcycle_left",
    "motorcycle_right",
    "ihc",
    "color",
    "hubble_deep_field",
)
TEXTURES = ("brick", "grass", "gravel", "cell", "coins", "moon")
KEEP = 0.3
FACES = 0.5  # share of samples that are from the small pictures


def folder(package: str) -> Path:
    """Where a package has its files; its own import needs more packages."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise SystemExit(f"{package} is not there; pip install --no-deps facenet-pytorch scikit-image")
    return Path(spec.submodule_search_locations[0])


def network(name: str) -> torch.nn.Module:
    """A detector with its weights."""
    where, what = folder("facenet_pytorch") / "models" / "mtcnn.py", "facenet_pytorch.models."
    sys.modules[what + "utils.detect_face"] = types.SimpleNamespace(detect_face=None, extract_face=None)
    spec = importlib.util.spec_from_file_location(what + "mtcnn", where)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = getattr(module, name)(pretrained=False)
    weights = folder("facenet_pytorch") / "data" / f"{name.lower()}.pt"
    model.load_state_dict(torch.load(weights, weights_only=True))
    return model.eval()


def pictures(names) -> list[torch.Tensor]:
    """Pictures that come with scikit-image, (1, 3, height, width), bytes."""
    found = []
    for name in names:
        (path,) = (folder("skimage") / "data").glob(f"{name}.*")
        pixels = np.array(Image.open(path).convert("RGB"))
        found.append(torch.as_tensor(pixels).permute(2, 0, 1)[None].float())
    return found


def samples(count: int, size: int, seed: int, part: int, names=COLOURED, faces: float = FACES) -> torch.Tensor:
    """Cut-outs of every second picture, scaled and mirrored, in [-1, 1]."""
    rng = np.random.default_rng(seed)
    large = pictures(names)[part::2]
    small = torch.as_tensor(np.load(folder("skimage") / "data" / "lfw_subset.npy")[part::2]).float()
    found = []
    for _ in range(count):
        if rng.random() < faces:
            shown = 255 * small[rng.integers(len(small))].expand(1, 3, -1, -1)
            side = rng.integers(18, 26)
            shown = shown * torch.as_tensor(rng.uniform(0.5, 1.1, (1, 3, 1, 1))).float()
        else:
            shown = large[rng.integers(len(large))]
            side = int(24 * (min(shown.shape[2:]) / 24) ** rng.random())
        top, left = (rng.integers(length - side + 1) for length in shown.shape[2:])
        cut = shown[:, :, top : top + side, left : left + side].clamp(0, 255)
        cut = interpolate(cut, (size, size), mode="bilinear", antialias=True)
        found.append((cut.flip(3) if rng.random() < 0.5 else cut) / 127.5 - 1)
    return torch.cat(found)


def noise(like: torch.Tensor) -> torch.Tensor:
    """Pixels drawn independently, with the mean and the deviation of the samples."""
    generator = torch.Generator().manual_seed(0)
    return (like.mean() + like.std() * torch.randn(like.shape, generator=generator)).clamp(-1, 1)


class Test:
    """``test(model)``: the agreement with the original, and the relative error of all outputs."""

    def __init__(self, model: torch.nn.Module, x: torch.Tensor) -> None:
        self.x = x
        self.expected = self.outputs(model)

    def outputs(self, model: torch.nn.Module) -> list[np.ndarray]:
        """Of each head for all samples."""
        with torch.no_grad():
            parts = [model(part) for part in self.x.split(250)]
        return [torch.cat(head).numpy() for head in zip(*parts, strict=True)]

    def __call__(self, model: torch.nn.Module) -> tuple[float, float]:
        found = self.outputs(model)
        same = found[-1].argmax(1) == self.expected[-1].argmax(1)
        errors = [np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in zip(found, self.expected, strict=True)]
        return float(same.mean()), float(np.sqrt(np.mean(np.square(errors))))


def wanda(analysis, keep: float):
    """Units by the norm of the weights that read them times that of their activations, then our sequential ridge.

    The score is that of M. Sun, Z. Liu, A. Bair, J. Z. Kolter, ICLR 2024, arXiv:2306.11695, summed over readers.
    """
    like = plan(analysis, keep=keep, method="forward", refit="asymmetric")
    groups = []
    for group in like.groups:
        weights = np.linalg.norm(np.hstack(analysis.face.consumers(group.name)), axis=1)
        score = weights * np.linalg.norm(analysis.statistics(group.name).matrix(affine=False), axis=0)
        units = np.argsort(-score)[: len(group.units)]
        groups.append(replace(group, units=tuple(units.tolist())))
    return replace(like, groups=tuple(groups))


def row(*cells) -> None:
    """A row of a table, at once."""
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def schemes(name: str, count: int) -> None:
    """The default beside the plain scheme and the simplest peers."""
    model, size = network(name), SIZES[name]
    analysis = analyze(model, samples(count, size, seed=1, part=0))
    test = Test(model, samples(count, size, seed=2, part=1))
    plans = {
        "default": plan(analysis, keep=KEEP),
        "default, `flops`": plan(analysis, flops=KEEP),
        "`method='id', refit=None`": plan(analysis, keep=KEEP, method="id", refit=None),
        "activation norm + least squares": plan(
            analysis, keep=KEEP, method="activation", correction="lstsq", refit=None
        ),
        "Wanda's score + sequential ridge": wanda(analysis, KEEP),
    }
    for scheme, chosen in plans.items():
        agreement, error = test(apply(analysis, chosen))
        size = f"{chosen.parameters_after / chosen.parameters_before:.0%}"
        flops = f"{chosen.flops_after / chosen.flops_before:.0%}"
        row(name, scheme, size, flops, f"{agreement:.1%}", f"{error:.3f}")


def calibration(name: str, counts) -> None:
    """The default with more and fewer samples, and with samples of other kinds."""
    model, size = network(name), SIZES[name]
    test = Test(model, samples(max(counts), size, seed=2, part=1))
    own = samples(max(counts), size, seed=1, part=0)
    kinds = {
        "of the same kind": own,
        "photographs, hardly a face": samples(max(counts), size, seed=3, part=0, faces=0.0),
        "textures": samples(max(counts), size, seed=4, part=0, names=TEXTURES, faces=0.0),
        "noise": noise(own),
    }
    for kind, x in kinds.items():
        cells = []
        for count in counts:
            analysis = analyze(model, x[:count])
            agreement, error = test(apply(analysis, plan(analysis, keep=KEEP)))
            cells.append(f"{agreement:.1%} ({error:.2f})")
        row(kind, *cells)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--samples", type=int, default=2000, help="to calibrate on, and to test on")
    parser.add_argument("--networks", nargs="*", choices=SIZES, default=list(SIZES))
    args = parser.parse_args()

    row("network", "scheme, 30 %", "parameters", "multiply-adds", "agreement", "error")
    row("---", "---", "---:", "---:", "---:", "---:")
    for name in args.networks:
        schemes(name, args.samples)
    counts = [args.samples // 8, args.samples // 4, args.samples]
    print()
    row("RNet, samples", *(f"{count:,}" for count in counts))
    row("---", *["---:"] * len(counts))
    calibration("RNet", counts)


if __name__ == "__main__":
    main()
