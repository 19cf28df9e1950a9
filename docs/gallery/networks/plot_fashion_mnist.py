"""
Fashion-MNIST end to end
========================

The network that `rrqr demo` compresses, seven hidden layers of 256, calibrated on images without labels: accuracy
against what is left, with the neurons chosen and the next layers corrected in different ways.
"""

import matplotlib.pyplot as plt
import numpy as np

from rrqr_lapack.prune import analyze, apply, load, plan
from rrqr_lapack.prune._command import fashion_mnist, trial

network = load(trial.NETWORK)
with np.load(fashion_mnist.SHIPPED) as data:
    samples, images, labels = (data[name] for name in ("calibration_images", "test_images", "test_labels"))
samples, images = samples.reshape(len(samples), -1) / 255, images.reshape(len(images), -1) / 255


def accuracy(model):
    """On the test images that the package carries."""
    return 100 * np.mean(model(images).argmax(axis=1) == labels)


analysis = analyze(network, samples)
fractions = (0.1, 0.2, 0.4)
figure, axis = plt.subplots(figsize=(6.5, 4))
for name, options in trial.SCHEMES.items():
    points = [accuracy(apply(analysis, plan(analysis, keep=keep, **options))) for keep in fractions]
    axis.plot([100 * keep for keep in fractions], points, "o-", ms=4, label=name)
axis.axhline(accuracy(network), color="grey", lw=0.8)
axis.set(xlabel="% of each layer's neurons kept", ylabel="test accuracy, %", ylim=(0, 95))
axis.legend(fontsize=8)
figure.tight_layout()
