"""Every public object of the face for torch goes through pickle and deepcopy, and still does its work."""

import copy
import inspect
import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the face of torch needs torch, an extra")
models = pytest.importorskip("torch_models")
prune = pytest.importorskip("rrqr_lapack.prune.torch")

WAYS = {"pickle": lambda x: pickle.loads(pickle.dumps(x)), "deepcopy": copy.deepcopy}
every_way = pytest.mark.parametrize("again", WAYS.values(), ids=WAYS)


def analyzed(kind=models.Residual):
    """The analysis of a small model, and samples."""
    model, draw = models.made(kind)
    return prune.analyze(model, draw(64), batch_size=16), draw(8)


def factored():
    """A layer as a product, and what reports on it."""
    return prune.factorize(torch.nn.Sequential(torch.nn.Linear(12, 12)), params=0.6)


def state(model):
    """The numbers of a model."""
    return {name: tensor.numpy() for name, tensor in model.state_dict().items()}


def assert_equal_models(one, two):
    assert list(state(one)) == list(state(two))
    for name, tensor in state(one).items():
        np.testing.assert_array_equal(tensor, state(two)[name])


def test_no_public_class_is_forgotten():
    classes = {name for name in prune.__all__ if inspect.isclass(getattr(prune, name))}
    assert classes == {"FactorReport", "Factored", "TorchFace"}


@every_way
def test_a_face_cuts_and_runs_afterwards(again):
    analysis, x = analyzed()
    face, twin = analysis.face, again(analysis.face)
    assert twin.groups == face.groups and twin.left_alone == face.left_alone
    for (one,), (two,) in zip(face.outputs(face.batches(x)), twin.outputs(twin.batches(x)), strict=True):
        np.testing.assert_array_equal(one, two)


@every_way
def test_an_analysis_is_planned_from_and_applied_afterwards(again):
    analysis, _ = analyzed()
    twin = again(analysis)
    for refit in (None, "asymmetric"):
        plan = prune.plan(analysis, keep=0.5, method="forward", affine=True, refit=refit)
        assert prune.plan(twin, keep=0.5, method="forward", affine=True, refit=refit) == plan == again(plan)
        assert_equal_models(prune.apply(analysis, plan), prune.apply(twin, plan))


@every_way
def test_a_factored_layer_and_its_report_come_back_as_they_were(again):
    model, report = factored()
    twin = again(model)
    assert isinstance(twin[0], prune.Factored) and repr(twin) == repr(model)
    assert_equal_models(model, twin)
    assert again(report) == report
