"""Compress the ResNet that train_resnet.py trains: a quarter of its work is left, or 70 % of its inner channels.

    python docs/examples/resnet.py --data-dir FOLDER --network fashion_resnet.safetensors

The first 2,000 training images, without labels, are the samples to calibrate on; test images measure. Some minutes.
"""

import argparse
import time
from pathlib import Path

import torch
from files import DEBIAN_DIR, fashion_mnist
from safetensors.torch import load_file
from train_resnet import accuracy, pixels, resnet

from rrqr_lapack.prune.torch import analyze, apply, plan

CALIBRATION = 2000
PLAIN = {"method": "id", "refit": None}
PEER = {"method": "activation", "correction": "lstsq", "refit": None}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data-dir", type=Path, default=DEBIAN_DIR)
    parser.add_argument("--network", type=Path, default=Path("fashion_resnet.safetensors"))
    parser.add_argument("--tested", type=int, default=10_000, help="images")
    args = parser.parse_args()

    model = resnet()
    model.load_state_dict(load_file(args.network))
    calibration = pixels(fashion_mnist("train", args.data_dir)[0][:CALIBRATION])
    images, labels = fashion_mnist("t10k", args.data_dir)
    x, labels = pixels(images[: args.tested]), torch.tensor(labels[: args.tested])
    print(f"original: {accuracy(model, x, labels):.2%}", flush=True)
    for residual, budget in ((True, {"flops": 0.25}), (False, {"keep": 0.7})):
        began = time.process_time()
        analysis = analyze(model, calibration, residual=residual)
        analyzed = time.process_time() - began
        for options in ({}, PLAIN, PEER):
            began = time.process_time()
            chosen = plan(analysis, **budget, **options)
            planned = time.process_time() - began
            found = accuracy(apply(analysis, chosen), x, labels)
            size, flops = chosen.parameters_after / chosen.parameters_before, chosen.flops_after / chosen.flops_before
            print(
                f"{'with' if residual else 'without'} residual streams, {budget}, {options or 'default'}: {found:.2%}"
            )
            print(f"    {size:.0%} of the parameters, {flops:.0%} of the multiply-adds")
            print(f"    analyze {analyzed:.1f} s, plan {planned:.1f} s", flush=True)


if __name__ == "__main__":
    main()
