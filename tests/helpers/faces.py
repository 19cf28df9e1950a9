"""A face that is no chain of dense layers: units of several columns, read by two consumers."""

import numpy as np

from rrqr_lapack.prune._face import Group, Term


class HeadsFace:
    """``x -> [Z W1 + b1, tanh(Z W2 + b2)]`` with Z = tanh(x A), a group "heads" of units of `unit` columns."""

    def __init__(self, A, readers, biases, unit):
        self.model = (A, readers, biases)
        self.unit = unit
        self.left_alone = {}
        self.groups = (Group("heads", A.shape[1] // unit, unit),)
        outputs = sum(W.shape[1] for W in readers)
        self.parameters = (Term(unit * (len(A) + outputs), ("heads",)), Term(outputs))
        self.flops = (Term(unit * (len(A) + outputs), ("heads",)),)

    def batches(self, X):
        return [X[i::5] for i in range(5)]

    def fingerprints(self, batch):
        return (row.tobytes() for row in batch)

    def activations(self, batches, names=None):
        for x in batches:
            yield {"heads": np.tanh(x @ self.model[0])} if names is None or "heads" in names else {}

    def outputs(self, batches):
        _, (W1, W2), (b1, b2) = self.model
        for Z in self.activations(batches):
            yield (np.hstack([Z["heads"] @ W1 + b1, np.tanh(Z["heads"] @ W2 + b2)]),)

    def producers(self, name):
        return [self.model[0]]

    def consumers(self, name):
        return list(self.model[1])

    def sweep(self, batches, names, fold):
        Z = [each["heads"] for each in self.activations(batches)]
        cuts = {name: fold(name, dict(enumerate(zip(Z, Z, strict=True))), True) for name in names}
        return cuts, list(zip(self.outputs(batches), self.cut(cuts).outputs(batches), strict=True))

    def cut(self, cuts):
        if not cuts:
            return self
        A, readers, biases = self.model
        cut = cuts["heads"]
        columns = (np.asarray(cut.units)[:, None] * self.unit + np.arange(self.unit)).ravel()
        shifts = [0 if cut.shift is None else cut.shift @ W for W in readers]
        readers, biases = [cut.coefficients @ W for W in readers], [b + s for b, s in zip(biases, shifts, strict=True)]
        return HeadsFace(A[:, columns], readers, biases, self.unit)


def heads_face(rng, inputs=12, heads=6, unit=3):
    """A random one, in which head 1 repeats head 4."""
    A = rng.standard_normal((inputs, heads * unit)) / np.sqrt(inputs)
    A[:, unit : 2 * unit] = A[:, 4 * unit : 5 * unit]
    readers = [rng.standard_normal((heads * unit, n)) for n in (3, 4)]
    return HeadsFace(A, readers, [rng.standard_normal(n) for n in (3, 4)], unit)
