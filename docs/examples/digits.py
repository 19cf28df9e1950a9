"""Compress small classifiers of handwritten digits to a few per cent of their parameters.

    pip install ".[prune]" scikit-learn
    python docs/examples/digits.py --out docs/images

Networks with seven hidden layers of 256 ReLU neurons, trained by scikit-learn on three quarters of its 1,797 images of
8 x 8 pixels; the training images, without labels, are the calibration samples. Figures are means over five networks,
each of its own split and seed. A few minutes on one core.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
from dense import DRAWN, averaged, study
from files import check_folder
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from study import curves_plot, prediction_plot, quality_plot, report, write

from rrqr_lapack.prune import Dense, Network, plan

BUDGETS = (0.01, 0.015, 0.03, 0.1, 0.3)


def train(seed: int):
    """A network, its training images, its test images and their labels."""
    images, labels = load_digits(return_X_y=True)
    split = train_test_split(images / 16, labels, test_size=0.25, random_state=seed, stratify=labels)
    train_images, test_images, train_labels, test_labels = split
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = MLPClassifier((256,) * 7, random_state=seed, max_iter=60).fit(train_images, train_labels)
    *hidden, last = zip(model.coefs_, model.intercepts_, strict=True)
    network = Network([*(Dense(*each, "relu") for each in hidden), Dense(*last)], head="softmax")
    return network, train_images, test_images, test_labels


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--networks", type=int, default=5)
    args = parser.parse_args()
    check_folder(args.out)

    runs, originals = [], []
    for seed in range(args.networks):
        network, *samples = train(seed)
        points, analysis, original = study(network, *samples, BUDGETS)
        runs.append(points)
        originals.append(original)
    points, original = averaged(runs), float(np.mean(originals))
    print(f"\n{network}, {args.networks} networks, {original:.2%} of the test images before compression\n")
    print(report("Accuracy at a fraction of the parameters", "scheme", points))
    facts = {"accuracy": original, "accuracies": originals, "parameters": network.parameters}
    write(args.out, "digits", points, facts)
    title, size = "Handwritten digits, 7 x 256", "parameters (%)"
    drawn = [each for each in points if each.scheme in DRAWN]
    quality_plot(drawn, original, title, size, "test accuracy", args.out / "digits-accuracy.png", log=True)
    ours = [each for each in points if "refit" not in each.scheme]
    prediction_plot(ours, title, args.out / "digits-prediction.png")
    curves_plot(analysis, plan(analysis, params=0.015), args.out / "digits-curves.png")


if __name__ == "__main__":
    main()
