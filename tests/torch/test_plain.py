"""Weights that a model computes from others are written out before anything is cut."""

import copy
import warnings

import pytest

torch = pytest.importorskip("torch", reason="the face of torch needs torch, an extra")
models = pytest.importorskip("torch_models")
prune = pytest.importorskip("rrqr_lapack.prune.torch")
nn = torch.nn


def older(name):
    """A norm of the kind that PyTorch calls deprecated."""

    def normed(layer):
        with warnings.catch_warnings(action="ignore"):
            return getattr(nn.utils, name)(layer)

    return normed


NORMS = {
    "weight norm": nn.utils.parametrizations.weight_norm,
    "spectral norm": nn.utils.parametrizations.spectral_norm,
    "orthogonal": nn.utils.parametrizations.orthogonal,
    "older weight norm": older("weight_norm"),
    "older spectral norm": older("spectral_norm"),
}
EVERY = pytest.mark.parametrize("norm", NORMS.values(), ids=NORMS)


def made(norm):
    """A model whose weights are computed, after a run in training mode, and samples."""
    torch.manual_seed(0)
    layers = nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 12), nn.Tanh(), nn.Linear(12, 3)
    model = nn.Sequential(*(norm(each) if isinstance(each, nn.Linear) else each for each in layers)).double()
    x = torch.randn(200, 6, dtype=torch.float64)
    model(x)
    return model.eval(), x


@EVERY
def test_groups_are_found_and_the_model_is_cut_as_if_the_weights_were_its_own(norm):
    model, x = made(norm)
    before = copy.deepcopy(dict(model.named_parameters()))
    analysis = prune.analyze(model, x)
    assert {name: group.width for name, group in analysis.groups.items()} == {"0": 16, "2": 12}
    whole, half = (prune.apply(analysis, prune.plan(analysis, keep=keep)) for keep in (1.0, 0.5))
    assert half[2].weight.shape == (6, 8) and half[0].weight.requires_grad
    with torch.no_grad():
        assert models.relative_error(whole(x), model(x)) < 1e-12
        assert 0 < models.relative_error(half(x), model(x)) < 0.5
    assert all(torch.equal(value, before[name]) for name, value in model.named_parameters())


@EVERY
def test_layers_are_factored_and_files_read_back(norm, tmp_path):
    pytest.importorskip("safetensors", reason="the files are its")
    model, x = made(norm)
    small, _ = prune.factorize(model, x, ranks={"2": 5})
    prune.save(small, tmp_path / "small.safetensors")
    again = prune.load(made(norm)[0], tmp_path / "small.safetensors")
    with torch.no_grad():
        assert models.relative_error(again(x), small(x)) < 1e-12
