"""Recurrent layers and cells: hidden units go with all of their gates."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the face of torch needs torch, an extra")
models = pytest.importorskip("torch_models")
prune = pytest.importorskip("rrqr_lapack.prune.torch")
nn, rnn = torch.nn, torch.nn.utils.rnn


class Reader(nn.Module):
    """A recurrent layer between others; `shown` is what of it is read: outputs, final states, or packed outputs."""

    def __init__(self, kind, shown="outputs", **options):
        super().__init__()
        self.first, self.shown = nn.Linear(5, 8), shown
        self.memory = getattr(nn, kind)(8, 9, batch_first=True, **options)
        width = (options.get("proj_size") or 9) * (1 + options.get("bidirectional", False))
        self.third, self.last = nn.Linear(width, 7), nn.Linear(7, 3)

    def forward(self, x):
        x = torch.tanh(self.first(x))
        if self.shown == "packed":
            lengths = torch.arange(len(x)) * 3 % x.shape[1] + 1
            x = rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        y, state = self.memory(x)
        if self.shown == "packed":
            y = rnn.pad_packed_sequence(y, batch_first=True, total_length=5)[0]
        if self.shown == "states":
            y = (state[1] + state[0] if isinstance(state, tuple) else state).flatten(0, 0)[-1]
        return self.last(torch.tanh(self.third(y)))


class Steps(nn.Module):
    """A cell that is called step by step, from states that it learned or from zeros."""

    def __init__(self, kind, learned=False):
        super().__init__()
        self.cell, self.out, self.size = getattr(nn, kind)(5, 9), nn.Linear(9, 3), 9
        self.start = nn.Parameter(torch.randn(9)) if learned else None

    def forward(self, x):
        h = c = x.new_zeros(len(x), self.size) if self.start is None else self.start.expand(len(x), -1)
        for step in x.unbind(1):
            if isinstance(self.cell, nn.LSTMCell):
                h, c = self.cell(step, (h, c))
            else:
                h = self.cell(step, h)
        return self.out(h)


KINDS = {
    "LSTM": lambda: Reader("LSTM"),
    "GRU": lambda: Reader("GRU"),
    "RNN": lambda: Reader("RNN"),
    "states": lambda: Reader("LSTM", "states"),
    "layers": lambda: Reader("LSTM", num_layers=2, bias=False),
    "both ways": lambda: Reader("GRU", bidirectional=True, num_layers=2),
    "projection": lambda: Reader("LSTM", proj_size=4, bidirectional=True),
    "packed": lambda: Reader("GRU", "packed", bidirectional=True),
    "packed projection": lambda: Reader("LSTM", "packed", proj_size=4, num_layers=2),
    "LSTM cell": lambda: Steps("LSTMCell"),
    "GRU cell": lambda: Steps("GRUCell", learned=True),
    "RNN cell": lambda: Steps("RNNCell"),
}
EVERY = pytest.mark.parametrize("kind", KINDS)


def face_of(kind):
    """The face of a model of this kind, and a function that draws samples."""
    torch.manual_seed(0)
    model = KINDS[kind]().double().eval()
    for parameter in model.parameters():
        parameter.data *= 2  # states that differ

    def draw(count):
        return torch.randn(count, 5, 5, dtype=torch.float64)

    return prune.find_groups(model, draw(5))[0], draw


@EVERY
def test_hidden_units_are_a_group(kind):
    face, _ = face_of(kind)
    widths = {"first": 8, "memory": 9, "third": 7} if "cell" not in kind else {"cell": 9}
    if "projection" in kind:
        widths["memory.weight_hr_l0"] = 4
    assert {group.name: group.width for group in face.groups} == widths
    assert not face.left_alone


@EVERY
def test_repeated_units_are_removed_without_loss_on_samples_never_seen(kind):
    face, draw = face_of(kind)
    double = models.duplicated(face, np.random.default_rng(0))
    analysis = prune.analyze(double.model, draw(60))
    half = {group.name: group.width // 2 for group in double.groups}
    plan = prune.plan(analysis, ranks=half)
    small = prune.apply(analysis, plan)
    assert {name: len(group.units) for name, group in zip(half, plan.groups, strict=True)} == half
    assert plan.parameters_after == sum(parameter.numel() for parameter in small.parameters())
    fresh = draw(20)
    with torch.no_grad():
        assert models.relative_error(small(fresh), double.model(fresh)) < 1e-7


@EVERY
def test_what_is_planned_is_less_wrong_than_what_is_dropped(kind):
    face, draw = face_of(kind)
    analysis = prune.analyze(face.model, draw(60))
    fresh, errors = draw(30), {}
    for correction in ("lstsq", "none"):
        small = prune.apply(analysis, prune.plan(analysis, keep=0.7, correction=correction))
        with torch.no_grad():
            errors[correction] = models.relative_error(small(fresh), face.model(fresh))
    assert 0 < errors["lstsq"] < errors["none"]


def test_states_that_come_from_outside_keep_their_units():
    class Streaming(nn.Module):
        """The state is given and returned."""

        def __init__(self):
            super().__init__()
            self.cell, self.out = nn.GRUCell(5, 9), nn.Linear(9, 3)

        def forward(self, x, state):
            state = self.cell(x, state)
            return self.out(state), state

    torch.manual_seed(0)
    with pytest.raises(ValueError, match=r"got none \(cell: cat in cell, with a number for each unit"):
        prune.find_groups(Streaming(), [(torch.randn(4, 5), torch.randn(4, 9))])
