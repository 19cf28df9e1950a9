"""Finding the groups of a torch model and cutting them: what is found, and what is exact for every kind of layer."""

import numpy as np
import pytest

from rrqr_lapack.prune._face import Cut, total

torch = pytest.importorskip("torch", reason="the face of torch needs torch, an extra")
attention = pytest.importorskip("torch.nn.attention")
counter = pytest.importorskip("torch.utils.flop_counter")
models = pytest.importorskip("torch_models")
branching = pytest.importorskip("torch_branching")
prune = pytest.importorskip("rrqr_lapack.prune.torch")

FOUND = {
    models.dense: {"0": 14, "3": 10, "5": 8},
    models.convolutions: {"0": 8, "5": 7, "10": 6},
    models.Depthwise: {"expand": 8, "project": 6, "up": 6},
    models.Residual: {"blocks.0.conv1": 12, "blocks.1.conv1": 12},
    models.Excitation: {"conv": 8, "squeeze": 4},
    models.Fused: {"qkv": 4, "gate_up": 20},
    models.Branches: {"first": 12},
    models.Strided: {"conv": 10},
    models.Written: {"conv": 9, "back": 12, "q": 4},
    models.Merged: {"q": 5},
    models.Gated: {"conv": 8, "up": 7},
    branching.UNet: {
        "down1.0": 6,
        "down2.0": 8,
        "middle.0": 10,
        "rise2": 7,
        "up2.0": 9,
        "rise1": 5,
        "up1.0": 6,
    },
    branching.Growing: {
        "stem": 8,
        "narrow.0": 12,
        "narrow.1": 12,
        "narrow.2": 12,
        "grow.0": 4,
        "grow.1": 4,
        "grow.2": 4,
        "transition": 10,
    },
    branching.Neck: {
        "both.0": 6,
        "bottlenecks.0.0": 6,
        "bottlenecks.1.0": 6,
        "join.0": 10,
        "pooled.0": 5,
        "spread.0": 8,
        "lateral": 7,
    },
    branching.Fire: {"squeeze": 6, "small": 8, "large": 4},
    branching.Sliced: {"first": 5, "first.weight": 7},
    branching.Imported: {"first": 8, "second": 6, "third": 10},
    branching.Cardinal: {"reduce": 6, "expand": 4},
    branching.Shuffled: {"first": 6},
    branching.SharedKeys: {"qkv": 4, "project": 9},
    branching.Slopes: {"qkv": 4, "project": 9},
}
KINDS = pytest.mark.parametrize("kind", FOUND, ids=lambda kind: kind.__name__)


def face_of(kind, **options):
    """The face of a model of this kind, the model, and a function that draws samples."""
    model, draw = models.made(kind)
    return prune.find_groups(model, draw(8), **options)[0], model, draw


@KINDS
def test_the_groups_are_those_of_the_architecture(kind):
    face, _, _ = face_of(kind)
    assert {group.name: group.width for group in face.groups} == FOUND[kind]


@KINDS
def test_duplicated_units_are_removed_without_loss_on_samples_never_seen(kind):
    """The whole way: what is read, selected, sliced and folded."""
    face, _, draw = face_of(kind)
    double = models.duplicated(face, np.random.default_rng(0))
    analysis = prune.analyze(double.model, draw(400))
    assert {group.name for group in double.groups} == set(analysis.groups)
    half = {group.name: group.width // 2 for group in double.groups}
    small = prune.apply(analysis, prune.plan(analysis, ranks=half, method="id", refit=None))
    widths = {group.name: group.width for group in prune.find_groups(small, draw(8))[0].groups}
    assert widths == half
    fresh = draw(50)
    with torch.no_grad():
        assert models.relative_error(small(fresh), double.model(fresh)) < 1e-8


@KINDS
def test_another_order_of_the_units_gives_the_same_outputs(kind):
    face, model, draw = face_of(kind)
    rng = np.random.default_rng(1)
    cuts = {}
    for group in face.groups:
        C = rng.permutation(group.width)
        cuts[group.name] = Cut(C, np.kron(np.eye(group.width)[C], np.eye(group.unit)))
    fresh = draw(20)
    with torch.no_grad():
        assert models.relative_error(face.cut(cuts).model(fresh), model(fresh)) < 1e-12


@KINDS
def test_the_costs_are_those_of_the_model_before_and_after_a_cut(kind):
    face, _, draw = face_of(kind)
    small = face.cut(
        {g.name: Cut(np.arange(g.width // 2), np.ones((g.width // 2 * g.unit, g.columns))) for g in face.groups}
    )
    samples = draw(6)
    for each in (face, small):
        widths = {group.name: group.width for group in each.groups}
        assert total(face.parameters, widths) == sum(p.numel() for p in each.model.parameters())
        with (
            counter.FlopCounterMode(display=False) as counted,
            attention.sdpa_kernel(attention.SDPBackend.MATH),
            torch.no_grad(),
        ):
            each.model(samples)
        assert 2 * len(samples) * total(face.flops, widths) == counted.get_total_flops()


@KINDS
def test_a_constant_goes_into_the_biases(kind):
    face, model, draw = face_of(kind)
    rng = np.random.default_rng(2)
    affine = {group.name: rng.standard_normal(group.columns) for group in face.groups if group.affine}
    cuts = {name: Cut(np.arange(face.coupling(name).width), np.eye(len(s)), s) for name, s in affine.items()}
    hooks = []
    for name, shift in affine.items():  # add it to the activations by hand instead, reader by reader
        for reader in face.coupling(name).readers:
            member = reader.member
            module = model.get_submodule(member.name.rpartition(".")[0])
            after = [1] * (module.weight.ndim - 2)  # positions come after the channels
            line = torch.zeros(member.layout.size, dtype=torch.float64)
            for block in member.blocks:
                line[block] = torch.as_tensor(shift).reshape(*block.shape[:2], 1).expand(block.shape)
            line = line.reshape(-1, *after)
            hooks.append(module.register_forward_pre_hook(lambda _, x, line=line: (x[0] + line,)))
    samples = draw(10)
    with torch.no_grad():
        expected = model(samples)
        for hook in hooks:
            hook.remove()
        assert models.relative_error(face.cut(cuts).model(samples), expected) < 1e-12
        assert not affine or models.relative_error(model(samples), expected) > 1e-3


def test_a_shift_is_refused_where_padding_with_zeros_would_break_it():
    face, _, _ = face_of(models.Residual)
    group = face.groups[0]
    assert not group.affine
    with pytest.raises(
        ValueError, match=r"shift must be None for group 'blocks.0.conv1', whose readers pad with zeros"
    ):
        face.cut({group.name: Cut(np.arange(group.width), np.eye(group.width), np.ones(group.width))})


def test_a_plan_with_affine_correction_leaves_such_groups_without_shift():
    model, draw = models.made(models.Residual)
    analysis = prune.analyze(model, draw(64))
    assert prune.apply(analysis, prune.plan(analysis, keep=0.5, affine=True)).blocks[0].conv1.out_channels == 6


def test_a_residual_stream_is_a_group_when_asked():
    face = face_of(models.Residual, residual=True)[0]
    assert {group.name: group.width for group in face.groups} == {"stem": 6, "blocks.0.conv1": 12, "blocks.1.conv1": 12}
    assert face.streams == ("stem",)
    small = face.cut({"stem": Cut(np.arange(3), np.eye(3, 6))}).model
    assert (small.stem.out_channels, small.blocks[0].bn2.num_features, small.fc.in_features) == (3, 3, 3)
    assert face_of(models.Residual)[0].left_alone == {
        "stem": "it is a residual stream (residual=True makes it a group)"
    }


def test_a_group_that_cannot_be_is_listed_with_the_reason():
    why = "add in the model itself, with a number for each unit that no weight or buffer gives"  # the model's input
    within = "a head or a group of channels goes or stays as a whole"
    assert face_of(models.Fused)[0].left_alone == {"proj": why, "within qkv": within}


def test_a_plan_prints_what_is_left_alone_and_why():
    model, draw = models.made(models.Fused)
    half = prune.plan(prune.analyze(model, draw(200)), keep=0.5)
    assert half.left_alone == face_of(models.Fused)[0].left_alone
    assert f"left alone      proj: {half.left_alone['proj']}" in str(half)
    assert type(half).from_json(half.to_json()) == half


def test_layers_that_nothing_reads_any_more_are_named_with_what_stands_between():
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Softmax(-1), torch.nn.MaxPool1d(8))
    with pytest.raises(ValueError, match=r"got none \(0: softmax in 1\)"):
        prune.find_groups(model, torch.randn(3, 4))


def test_an_embedding_with_a_largest_norm_keeps_its_columns():
    """The norm is that of all of them."""

    def model(**options):
        return torch.nn.Sequential(
            torch.nn.Embedding(50, 16, **options), torch.nn.Linear(16, 20), torch.nn.ReLU(), torch.nn.Linear(20, 3)
        )

    tokens = torch.arange(40).reshape(10, 4)
    assert [group.name for group in prune.find_groups(model(), tokens)[0].groups] == ["0", "1"]
    face, _ = prune.find_groups(model(max_norm=4.0), tokens)
    assert [group.name for group in face.groups] == ["1"]
    assert face.left_alone["0"] == "max_norm of embedding in 0"


class Bilinear(torch.nn.Module):
    """Layers around one that has no rule."""

    def __init__(self):
        super().__init__()
        self.first, self.product = torch.nn.Linear(5, 8), torch.nn.Bilinear(8, 8, 9)
        self.third, self.last = torch.nn.Linear(9, 7), torch.nn.Linear(7, 6)

    def forward(self, x):
        x = torch.relu(self.first(x))
        return self.last(torch.relu(self.third(self.product(x, x))))


def test_a_module_that_is_not_understood_is_named_and_the_others_are_pruned():
    with pytest.warns(UserWarning, match="left alone: product: bilinear has no rule"):
        face, _ = prune.find_groups(Bilinear(), torch.randn(8, 3, 5))
    assert [group.name for group in face.groups] == ["third"]


class Doubled(torch.nn.Linear):
    """Weights that are computed on the fly."""

    def forward(self, x):
        return torch.nn.functional.linear(x, self.weight * 2, self.bias)


def test_computed_weights_are_left_alone():
    model = torch.nn.Sequential(
        torch.nn.Linear(4, 8), torch.nn.ReLU(), Doubled(8, 8),
        torch.nn.ReLU(), torch.nn.Linear(8, 6), torch.nn.ReLU(), torch.nn.Linear(6, 2),
    )  # fmt: skip
    with pytest.warns(UserWarning, match=r"2: linear with computed weights"):
        face, _ = prune.find_groups(model, torch.randn(8, 4))
    assert [group.name for group in face.groups] == ["4"]


class Fixed(torch.nn.Module):
    """A group whose width the code relies on in a way that no number in it can be changed to mend."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.third = torch.nn.Linear(4, 8), torch.nn.Linear(8, 6), torch.nn.Linear(6, 2)

    def forward(self, x):
        x = torch.relu(self.first(x))
        if x.shape[1] != 8:
            raise ValueError("eight, please")
        return self.third(torch.relu(self.second(x)))


def test_a_group_that_fails_when_it_is_tried_out_is_named():
    with pytest.warns(
        UserWarning, match="left alone: first: a model cut here does not work: ValueError: eight, please"
    ):
        face, _ = prune.find_groups(Fixed(), torch.randn(8, 4))
    assert [group.name for group in face.groups] == ["second"]


class Hidden(torch.nn.Module):
    """A layer whose units are also read in a way the tape cannot see."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.third = torch.nn.Linear(4, 8), torch.nn.Linear(8, 6), torch.nn.Linear(6, 2)

    def forward(self, x):
        x = torch.relu(self.first(x))
        leak = float(x.detach().numpy()[:, 3].sum())
        return self.third(torch.relu(self.second(x))) + leak


def test_units_that_leave_the_graph_are_kept():
    with pytest.warns(UserWarning, match="the model itself: numpy has no rule"):
        face, _ = prune.find_groups(Hidden(), torch.randn(8, 4))
    assert [group.name for group in face.groups] == ["second"]


def test_a_model_without_groups_is_refused():
    with pytest.raises(
        ValueError, match=r"model must have units that can be removed, got none \(no weights read what others make"
    ):
        prune.find_groups(torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU()), torch.randn(5, 3))


@pytest.mark.parametrize("model", [np.ones(3), torch.relu, None])
def test_what_is_no_module_is_refused(model):
    with pytest.raises(TypeError, match=r"model must be a torch.nn.Module, got "):
        prune.find_groups(model, torch.randn(5, 3))
