"""Train the network that the package carries, and cut its subset of Fashion-MNIST.

Seven fully connected ReLU layers and a softmax layer, W1..W7 and Ws, in NumPy alone: Adam with decoupled weight
decay and a cosine learning rate. Only training images are used: the test set is read once, after training, to
print the accuracy.

    python docs/examples/train_fashion_mnist.py --data-dir FOLDER --out src/rrqr_lapack/prune/_command/data

FOLDER holds the four .gz files of Fashion-MNIST. It takes a few minutes on two cores. The same seed gives the
same network up to the rounding of the machine's matrix products.
"""

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
from files import DEBIAN_DIR, check_folder, fashion_mnist, inputs

from rrqr_lapack.prune import Dense, Network, load, save

SUBSET = 2000


def initial(widths, rng):
    """He's normal initialization: weights of variance 2 / inputs, biases zero."""
    return [
        array
        for n, m in pairwise(widths)
        for array in (
            (rng.standard_normal((n, m)) * np.sqrt(2 / n)).astype(np.float32),
            np.zeros(m, np.float32),
        )
    ]


def gradients(parameters, x, labels):
    """Gradients of the mean cross-entropy of softmax(logits), by backpropagation."""
    weights, biases = parameters[::2], parameters[1::2]
    activations = [x]
    for i, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        z = activations[-1] @ weight + bias
        activations.append(np.maximum(z, 0) if i + 1 < len(weights) else z)
    p = np.exp(activations[-1] - activations[-1].max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(x)), labels] -= 1
    delta = p / len(x)
    result = []
    for i in reversed(range(len(weights))):
        result[:0] = [activations[i].T @ delta, delta.sum(axis=0)]
        if i:
            delta = (delta @ weights[i].T) * (activations[i] > 0)
    return result


def train(images, labels, widths, *, epochs, batch, rate, decay, seed):
    """Adam with decoupled weight decay.

    D. P. Kingma, J. Ba, 2015, arXiv:1412.6980; I. Loshchilov, F. Hutter, 2019, arXiv:1711.05101.
    """
    rng = np.random.default_rng(seed)
    parameters = initial(widths, rng)
    first = [np.zeros_like(p) for p in parameters]
    second = [np.zeros_like(p) for p in parameters]
    steps = epochs * (len(images) // batch)
    step = 0
    for epoch in range(epochs):
        order = rng.permutation(len(images))[: len(images) // batch * batch].reshape(-1, batch)
        for chosen in order:
            step += 1
            lr = rate * 0.5 * (1 + np.cos(np.pi * step / steps))
            slopes = gradients(parameters, inputs(images[chosen]), labels[chosen])
            for p, m, v, g in zip(parameters, first, second, slopes, strict=True):
                m += 0.1 * (g - m)
                v += 0.001 * (g * g - v)
                if p.ndim == 2:
                    p *= 1 - lr * decay
                p -= lr * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
        print(f"epoch {epoch + 1} of {epochs}", flush=True)
    layers = [Dense(w, b, "relu") for w, b in zip(parameters[:-2:2], parameters[1:-2:2], strict=True)]
    return Network([*layers, Dense(*parameters[-2:])], head="softmax")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data-dir", type=Path, default=DEBIAN_DIR)
    parser.add_argument("--out", type=Path, default=Path("src/rrqr_lapack/prune/_command/data"))
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--seed", type=int, default=2022)
    args = parser.parse_args()
    check_folder(args.out)

    images, labels = fashion_mnist("train", args.data_dir)
    widths = (784, *[256] * 7, 10)
    network = train(images, labels, widths, epochs=args.epochs, batch=128, rate=1e-3, decay=1.5, seed=args.seed)
    path = args.out / "fashion_mnist_network.npz"
    save(network, path, overwrite=True, dtype=np.float16)

    test_images, test_labels = fashion_mnist("t10k", args.data_dir)
    np.savez_compressed(
        args.out / "fashion_mnist_subset.npz",
        calibration_images=images[:SUBSET],
        test_images=test_images[:SUBSET],
        test_labels=test_labels[:SUBSET],
    )
    right = load(path).logits(inputs(test_images)).argmax(axis=1) == test_labels
    print(f"{path}: test accuracy {right.mean():.2%} as stored, in half precision")


if __name__ == "__main__":
    main()
