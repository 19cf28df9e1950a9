"""Compress a classifier of clothes, seven hidden layers of 512 neurons, to a fraction of its two million parameters.

    pip install ".[prune]"
    python docs/examples/fashion_mnist.py --data-dir FOLDER --network fashion_512.npz --out docs/images

FOLDER holds the four .gz files of Fashion-MNIST. The network is trained first if its file is not there (twelve epochs,
about ten minutes on one core) by the recipe of train_fashion_mnist.py with weak weight decay. The first 5,000 training
images, without labels, are the calibration samples; all 10,000 test images measure. Another twenty minutes.
"""

import argparse
from pathlib import Path

from dense import DRAWN, study
from files import DEBIAN_DIR, check_folder, fashion_mnist, inputs
from study import curves_plot, prediction_plot, quality_plot, report, write
from train_fashion_mnist import train

from rrqr_lapack.prune import load, plan, save

WIDTHS = (784, *[512] * 7, 10)
CALIBRATION = 5000
BUDGETS = (0.02, 0.05, 0.14, 0.3)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data-dir", type=Path, default=DEBIAN_DIR)
    parser.add_argument("--network", type=Path, default=Path("fashion_512.npz"))
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    args = parser.parse_args()
    check_folder(args.out)
    check_folder(args.network.parent)

    images, labels = fashion_mnist("train", args.data_dir)
    if not args.network.exists():
        save(train(images, labels, WIDTHS, epochs=12, batch=128, rate=1e-3, decay=0.1, seed=0), args.network)
    network = load(args.network)
    test_images, test_labels = fashion_mnist("t10k", args.data_dir)
    points, analysis, original = study(network, inputs(images[:CALIBRATION]), inputs(test_images), test_labels, BUDGETS)
    print(f"\n{network}, {original:.2%} of the test images before compression\n")
    print(report("Accuracy at a fraction of the parameters", "scheme", points))
    write(args.out, "fashion-mnist", points, {"accuracy": original, "parameters": network.parameters})
    title = "Fashion-MNIST, 7 x 512"
    drawn = [each for each in points if each.scheme in DRAWN]
    path = args.out / "fashion-mnist-accuracy.png"
    quality_plot(drawn, original, title, "parameters (%)", "test accuracy", path, log=True)
    ours = [each for each in points if "refit" not in each.scheme]
    prediction_plot(ours, title, args.out / "fashion-mnist-prediction.png")
    curves_plot(analysis, plan(analysis, params=0.14), args.out / "fashion-mnist-curves.png")


if __name__ == "__main__":
    main()
