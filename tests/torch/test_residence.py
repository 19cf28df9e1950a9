"""Models on a device: activations are gathered there, and the plan is that of the CPU.

The CPU stands for the other device, its tensors sent the same way.
"""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the face of PyTorch needs it")

from backends import Backend  # noqa: E402
from torch import nn  # noqa: E402

from rrqr_lapack._tensors import home  # noqa: E402
from rrqr_lapack.prune import torch as prune  # noqa: E402

WIDTH, POSITIONS = 32, 36


@pytest.fixture
def model():
    """A small convolutional network, whose activations have many rows."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(2, WIDTH, 3), nn.ReLU(), nn.Conv2d(WIDTH, WIDTH, 1), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(WIDTH, 3))


@pytest.fixture
def images():
    """Their 3 x 3 windows are 36 positions of an image."""
    return torch.rand(320, 2, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.fixture(params=["cpu", "cuda"])
def elsewhere(request, monkeypatch):
    """Takes what it is given to another device: the CPU, whose tensors are then taken as those of one, or a GPU."""
    Backend("torch", device=request.param).module()

    def move(x):
        monkeypatch.setattr(home, "HOST", False)
        return x.to(request.param)

    return move


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_plan_and_the_smaller_model_are_those_of_the_cpu(model, images, dtype, elsewhere):
    images, results = images.to(dtype), []
    for move in (lambda x: x, elsewhere):
        analysis = prune.analyze(move(model.to(dtype)), images)
        plan = prune.plan(analysis, keep=0.5, method="id")
        results.append((plan, prune.apply(analysis, plan)(move(images)).detach().cpu()))
    (here, expected), (there, found) = results
    assert [group.units for group in there.groups] == [group.units for group in here.groups]
    close = 1e4 * torch.finfo(dtype).eps
    assert there.output_error == pytest.approx(here.output_error, rel=close)
    assert torch.allclose(found, expected, rtol=close, atol=close)


def test_nothing_of_the_activations_but_sums_over_rows_comes_to_the_host(model, images, elsewhere, monkeypatch):
    came, model = [], elsewhere(model)

    def noted(x, numpy=torch.Tensor.numpy, **options):
        came.append(x.numel())
        return numpy(x, **options)

    monkeypatch.setattr(torch.Tensor, "numpy", noted)
    analysis = prune.analyze(model, images)
    prune.apply(analysis, prune.plan(analysis, keep=0.5))
    bytes_of_a_batch = 64 * images[0].numel() * 4  # by which repeated samples are known
    assert (WIDTH + 1) ** 2 in came
    assert max(came) <= max((WIDTH + 1) ** 2, bytes_of_a_batch) < 64 * POSITIONS * WIDTH


def test_layers_are_factored_from_what_was_gathered_on_the_device(model, images, elsewhere):
    expected, _ = prune.factorize(model, images, params=0.6)
    found, _ = prune.factorize(elsewhere(copy.deepcopy(model)), images, params=0.6)
    assert torch.allclose(found(elsewhere(images)).cpu(), expected(images), atol=1e-4)


def test_activations_that_are_not_finite_are_refused_by_group(model, images, elsewhere):
    model = elsewhere(model)
    with torch.no_grad():
        model[0].bias[3] = 3e38
        model[0].weight[3] = 3e38
    with pytest.raises(ValueError, match="activations of 0 must be finite"):
        prune.analyze(model, images)


def test_a_group_that_no_sample_reaches_in_a_batch_is_gathered_all_the_same(elsewhere):
    class Sometimes(nn.Module):
        """Its middle layer runs where the first entry says so."""

        def __init__(self):
            super().__init__()
            self.stem, self.up, self.down = nn.Linear(4, 4), nn.Linear(4, 12), nn.Linear(12, 4)

        def forward(self, x):
            """One path for the batch."""
            h = self.stem(x)
            return h + self.down(torch.relu(self.up(h))) if x[0, 0] > 0 else h + 0.0

    torch.manual_seed(0)
    batches = [torch.rand(40, 4) - float(i % 3 == 2) for i in range(6)]
    analysis = prune.analyze(elsewhere(Sometimes().double()), batches)
    assert analysis.statistics("up").rows == 4 * 40
    assert np.isfinite(analysis.statistics("up").triangle).all()
