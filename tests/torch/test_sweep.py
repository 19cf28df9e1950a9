"""One sweep over a model in torch: what runs stop at, residual streams, weights that read twice, every output."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the face of PyTorch needs it")

import torch_models as models  # noqa: E402
from torch import nn  # noqa: E402

from rrqr_lapack.prune import torch as prune  # noqa: E402
from rrqr_lapack.prune._sweep import sweep  # noqa: E402
from rrqr_lapack.prune.torch._pausing import Pausing  # noqa: E402


class Stream(nn.Module):
    """Two blocks on a residual stream."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(6, 16)
        self.up = nn.ModuleList([nn.Linear(16, 24) for _ in range(2)])
        self.down = nn.ModuleList([nn.Linear(24, 16) for _ in range(2)])
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        """The stream after each block is read by the next."""
        x = self.stem(x)
        for up, down in zip(self.up, self.down, strict=True):
            x = x + down(torch.tanh(up(x)))
        return self.head(x)


class Again(nn.Module):
    """One layer that is run three times."""

    def __init__(self):
        super().__init__()
        self.stem, self.up, self.down = nn.Linear(6, 8), nn.Linear(8, 24), nn.Linear(24, 8)

    def forward(self, x):
        """As a network that recurs."""
        x = self.stem(x)
        for _ in range(3):
            x = torch.tanh(self.down(torch.relu(self.up(x))))
        return x


class Heads(nn.Module):
    """Two outputs, the second a hundred times as small."""

    def __init__(self):
        super().__init__()
        self.one, self.two = (nn.Sequential(nn.Linear(6, 24), nn.Tanh(), nn.Linear(24, 4)) for _ in range(2))

    def forward(self, x):
        """Both."""
        return {"large": self.one(x), "small": 0.01 * self.two(x)}


def made(kind):
    """In double precision, with its samples and fresh ones."""
    torch.manual_seed(0)
    return kind().double().eval(), torch.randn(800, 6).double(), torch.randn(200, 6).double()


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("kind", [Stream, Again])
def test_the_cuts_are_those_of_the_model_that_was_cut_on_the_way(kind, residual):
    model, X, _ = made(kind)
    analysis = prune.analyze(model, X, residual=residual)
    for drift in (0.0, 1.0):
        units = {name: range(group.width // 2) for name, group in analysis.groups.items()}
        swept = sweep(analysis, units, analysis.again(), drift=drift, affine=True)
        assert swept.error == pytest.approx(analysis.output_error(swept.cuts), rel=1e-9)
        assert 0 < swept.error < 0.9


@pytest.mark.parametrize("kind", models.INPUTS, ids=lambda kind: kind.__name__)
def test_weights_that_read_several_groups_or_one_in_several_places_are_swept_too(kind):
    model, draw = models.made(kind)
    on_the_way, measured = models.swept_and_measured(model, draw(300))
    assert on_the_way == pytest.approx(measured, rel=1e-7)
    assert 0 < on_the_way < 0.9


def test_units_are_chosen_on_the_way_but_for_groups_that_are_read_in_several_places():
    model, X, _ = made(Stream)
    analysis = prune.analyze(model, X, residual=True)
    last = {
        name: analysis.factor(name, "forward").units[-group.width // 3 :] for name, group in analysis.groups.items()
    }
    chosen = sweep(analysis, last, analysis.again(), drift=1.0, affine=True, choose=True)
    assert chosen.error == pytest.approx(analysis.output_error(chosen.cuts), rel=1e-9)
    for name, cut in chosen.cuts.items():
        assert len(set(cut.units.tolist())) == len(last[name])
        assert (set(cut.units.tolist()) == set(last[name].tolist())) == (name == "stem")


def test_a_plan_for_multiply_adds_runs_on_a_few_times_as_many_samples_as_analyze():
    """Counted in samples that go through a model, the original or a cut one, where no way to cut is clearly better."""
    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Conv2d(2, 12, 3), nn.ReLU(), nn.Conv2d(12, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 5)),
    ).eval()
    seen = [0]
    model[0].register_forward_pre_hook(lambda _, args: seen.__setitem__(0, seen[0] + len(args[0])))
    analysis = prune.analyze(model, torch.randn(2048, 2, 8, 8))
    first, seen[0] = seen[0], 0
    prune.plan(analysis, flops=0.4)
    assert seen[0] <= 4.25 * first


def test_each_reader_of_a_residual_stream_has_a_fit_of_its_own():
    model, X, fresh = made(Stream)
    analysis = prune.analyze(model, X, residual=True)
    chosen = prune.plan(analysis, keep=0.5, method="id", refit="asymmetric")
    units = {group.name: group.units for group in chosen.groups}
    swept = sweep(analysis, units, analysis.again(), drift=1.0, affine=True)
    assert set(swept.cuts["stem"].readers) == {"up.1.weight", "head.weight"}
    plain = prune.apply(analysis, prune.plan(analysis, keep=0.5, method="id", refit=None))
    with torch.no_grad():
        small = prune.apply(analysis, chosen)
        errors = [models.relative_error(each(fresh), model(fresh)) for each in (small, plain)]
    assert errors[0] < 0.8 * errors[1]
    assert chosen.output_error == pytest.approx(errors[0], rel=0.15)


def test_the_original_is_untouched_and_keeps_its_mode():
    model, X, _ = made(Stream)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.train()
    analysis = prune.analyze(model, X)
    prune.apply(analysis, prune.plan(analysis, keep=0.5))
    assert all(module.training for module in model.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_every_floating_output_counts_and_output_narrows():
    model, X, fresh = made(Heads)
    errors = {}
    for name, output in (("both", None), ("large", lambda result: result["large"])):
        analysis = prune.analyze(model, X, output=output)
        chosen = prune.plan(analysis, params=0.5)
        small = prune.apply(analysis, chosen)
        with torch.no_grad():
            errors[name] = {
                key: models.relative_error(small(fresh)[key], model(fresh)[key]) for key in ("large", "small")
            }
        if name == "both":
            measured = np.hypot(*errors[name].values()) / np.sqrt(2)
            assert chosen.output_error == pytest.approx(measured, rel=0.2)
    assert errors["both"]["small"] < 0.5 * errors["large"]["small"]


def test_an_interrupt_ends_every_run():
    model, X, _ = made(Stream)
    analysis = prune.analyze(model, X)
    chosen = prune.plan(analysis, keep=0.5, method="id")

    def stop(what, done, total):
        if done:
            raise KeyboardInterrupt

    import threading

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        prune.apply(analysis, chosen, progress=stop)
    assert threading.active_count() == before


def test_what_a_function_raises_is_raised_where_it_is_waited_for():
    def fails(pause):
        pause(1)
        raise ZeroDivisionError

    with Pausing(fails) as run:
        assert run.go_on().value == 1
        with pytest.raises(ZeroDivisionError):
            run.go_on()


def test_a_function_that_is_left_is_unwound():
    left = []

    def waits(pause):
        try:
            pause(1)
        finally:
            left.append(True)

    with Pausing(waits) as run:
        run.go_on()
    assert left == [True]
