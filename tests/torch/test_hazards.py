"""What must not go wrong with models in torch, each seen in practice."""

import copy
import importlib

import numpy as np
import pytest

from rrqr_lapack.prune import CalibrationWarning
from rrqr_lapack.prune._face import Cut

torch = pytest.importorskip("torch", reason="the face of torch needs torch, an extra")
models = pytest.importorskip("torch_models")
prune = pytest.importorskip("rrqr_lapack.prune.torch")
nn = torch.nn


def compressed(model, data, keep=0.5, **options):
    """The model at a fraction of every group."""
    analysis = prune.analyze(model, data)
    return prune.apply(analysis, prune.plan(analysis, keep=keep, **options))


def mlp(dtype=torch.float32):
    """Two hidden layers."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 12), nn.Tanh(), nn.Linear(12, 3)).to(dtype)


def test_the_original_is_untouched_and_shares_no_memory():
    model, draw = models.made(models.convolutions)
    before, modes = copy.deepcopy(model.state_dict()), [module.training for module in model.modules()]
    small = compressed(model, draw(64))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert [module.training for module in model.modules()] == modes
    assert not model[0]._forward_hooks and not model[0]._forward_pre_hooks
    mine = {tensor.untyped_storage().data_ptr() for tensor in model.state_dict().values()}
    assert not mine & {tensor.untyped_storage().data_ptr() for tensor in small.state_dict().values()}


def test_training_mode_is_used_for_nothing_and_comes_back():
    model, draw = models.made(models.dense)
    expected = compressed(model, draw(64)).state_dict()
    torch.manual_seed(0)
    model, draw = models.made(models.dense)
    model.train()
    model[2].eval()
    small = compressed(model, draw(64))
    assert [module.training for module in model] == [True, True, False, *[True] * 6]
    assert [module.training for module in small] == [True, True, False, *[True] * 6]
    assert all(torch.equal(value, expected[name]) for name, value in small.state_dict().items())


def test_hooks_and_modes_come_back_when_the_run_is_interrupted():
    model, draw = models.made(models.dense)
    model.train()

    def samples():
        yield draw(20)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prune.analyze(model, samples())
    assert all(module.training for module in model.modules())

    def interrupt(*_):
        raise KeyboardInterrupt

    hook = model[3].register_forward_pre_hook(interrupt)
    with pytest.raises(KeyboardInterrupt):
        prune.find_groups(model, draw(8))
    hook.remove()
    assert all(module.training for module in model.modules())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert prune.find_groups(model, draw(8))[0].groups  # and it still runs


def test_activations_with_nan_name_the_layer():
    class Log(nn.Module):
        """Not for negative numbers."""

        def forward(self, x):
            return torch.log(x)

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 12), Log(), nn.Linear(12, 3))
    with pytest.raises(ValueError, match="activations of 2 must be finite, got NaN or Inf for the calibration samples"):
        prune.analyze(model, torch.randn(50, 6))


def test_parameters_and_samples_with_nan_are_named():
    model, data = mlp(), torch.randn(50, 6)
    with pytest.raises(ValueError, match="calibration must have no NaN, got one in sample 3 of batch 1"):
        prune.analyze(model, [data, torch.where(data == data[3, 3], torch.nan, data)], batch_size=50)
    model[2].weight.data[3, 4] = torch.nan
    with pytest.raises(ValueError, match=r"model must be finite, got NaN or Inf in 2\.weight"):
        prune.analyze(model, data)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_a_model_in_half_precision_stays_in_it(dtype):
    model, data = mlp(), torch.randn(400, 6)
    small, half = compressed(model, data, 0.75), compressed(copy.deepcopy(model).to(dtype), data.to(dtype), 0.75)
    assert {parameter.dtype for parameter in half.parameters()} == {dtype}
    with torch.no_grad():
        exact, rounded = model(data), half(data.to(dtype)).float()
        assert (
            models.relative_error(rounded, exact)
            < models.relative_error(small(data), exact) + 20 * torch.finfo(dtype).eps
        )


def test_folded_weights_that_do_not_fit_half_precision_are_refused_by_name():
    face, _ = prune.find_groups(mlp(torch.float16), torch.randn(8, 6))
    with pytest.raises(ValueError, match=r"2\.weight must fit into torch.float16 when it is cut, got NaN, Inf or"):
        face.cut({"0": Cut(np.arange(2), np.full((2, 16), 1e5))})


@pytest.mark.parametrize("channels", [7, 13])
def test_channels_last_and_odd_channel_counts_give_contiguous_weights_and_right_results(channels):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, channels, 3, padding=1), nn.ReLU(), nn.Conv2d(channels, 9, 3), nn.ReLU(), nn.Conv2d(9, 5, 3)
    ).to(memory_format=torch.channels_last)
    data = torch.randn(40, 3, 9, 9).to(memory_format=torch.channels_last)
    face, _ = prune.find_groups(model, data)
    assert [group.width for group in face.groups] == [channels, 9]
    rng = np.random.default_rng(0)
    k = channels // 2
    cuts = {
        "0": Cut(rng.permutation(channels)[:k], rng.standard_normal((k, channels))),
        "2": Cut(rng.permutation(9)[:3], rng.standard_normal((3, 9))),
    }
    small = face.cut(cuts).model
    assert all(small[i].weight.is_contiguous() for i in (0, 2, 4))
    with torch.no_grad():
        exact = copy.deepcopy(small).double()(data.double().contiguous())
        assert models.relative_error(small(data).double(), exact) < 1e-5
        assert models.relative_error(small(data.contiguous()).double(), exact) < 1e-5


class Shared(nn.Module):
    """Two blocks with the same weights, under two names, and an output that is tied to an input."""

    def __init__(self):
        super().__init__()
        self.up, self.down = nn.Linear(6, 20), nn.Linear(20, 6)
        self.again = nn.ModuleDict({"up": self.up, "down": self.down})
        self.other = nn.Linear(6, 20)
        self.other.weight = self.up.weight

    def forward(self, x):
        for up in (self.up, self.again["up"], self.other):
            x = x + self.again["down"](torch.tanh(up(x)))
        return x


def test_shared_weights_stay_shared_and_are_cut_once():
    torch.manual_seed(0)
    model, data = Shared().double(), torch.randn(200, 6, dtype=torch.float64)
    face, _ = prune.find_groups(model, data)
    assert [(group.name, group.width) for group in face.groups] == [("up", 20)]
    (Z,) = face.activations([data])
    assert Z["up"].shape == (600, 20)  # it is read three times
    double = models.duplicated(face, np.random.default_rng(0)).model
    small = compressed(double, data)
    assert small.up is small.again["up"] and small.other.weight is small.up.weight and small.other is not small.up
    assert small.up.out_features == small.other.out_features == small.down.in_features == 10
    with torch.no_grad():
        assert models.relative_error(small(-data), double(-data)) < 1e-8


def test_dead_units_are_never_kept():
    model = mlp(torch.float64)
    model[2].weight.data[:5] = 0
    model[2].bias.data[:5] = 0
    data = torch.randn(200, 6, dtype=torch.float64)
    small = compressed(model, data, keep=1.0)
    assert small[2].out_features == 7
    with torch.no_grad():
        assert models.relative_error(small(-data), model(-data)) < 1e-8


def test_equal_samples_leave_one_unit_a_group():
    with pytest.warns(CalibrationWarning):
        small = compressed(mlp(), torch.ones(100, 6), keep=1.0)
    assert (small[0].out_features, small[2].out_features) == (1, 1)
    with torch.no_grad():
        assert models.relative_error(small(torch.ones(2, 6)), mlp()(torch.ones(2, 6))) < 1e-5


def test_few_samples_are_warned_of():
    with pytest.warns(UserWarning, match=r"0 has 16 columns but the samples give only 10 rows: no more than 10"):
        prune.analyze(mlp(), torch.randn(10, 6))


class Noisy(nn.Module):
    """Gives another output each time."""

    def __init__(self, dtype=torch.float32):
        super().__init__()
        self.first, self.last, self.dtype = nn.Linear(4, 8), nn.Linear(8, 2), dtype

    def forward(self, x):
        return self.last(torch.nn.functional.dropout(torch.relu(self.first(x)), 0.5, training=True)).to(self.dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64], ids=str)
def test_a_model_whose_outputs_are_random_cannot_be_tried_out(dtype):
    with (
        pytest.warns(
            UserWarning,
            match="first: a model cut here does not work: its output is not that of the model whose other",
        ),
        pytest.raises(ValueError, match="model must have units that can be removed, got none"),
    ):
        prune.find_groups(Noisy(dtype), torch.randn(8, 4), output=lambda y: y.real)


def test_a_model_that_cannot_be_copied_is_refused_in_words():
    model = mlp()
    model.kept = model[0].weight * 2  # no leaf: torch does not copy it
    with pytest.raises(TypeError, match=r"model must be such that it can be copied, got .*: "):
        prune.analyze(model, torch.randn(50, 6))


def test_frozen_parameters_stay_frozen():
    model = mlp()
    model[2].requires_grad_(False)
    small = compressed(model, torch.randn(100, 6))
    assert [parameter.requires_grad for parameter in small.parameters()] == [True, True, False, False, True, True]
    small(torch.randn(2, 6)).sum().backward()  # and the others can be trained
    assert small[0].weight.grad is not None


def test_gradients_are_not_recorded_and_inference_mode_is_fine():
    model, data = mlp(), torch.randn(100, 6, requires_grad=True)
    with torch.inference_mode():
        expected = compressed(model, data).state_dict()
    small = compressed(model, data)
    assert data.grad is None
    assert all(torch.equal(value, expected[name]) for name, value in small.state_dict().items())


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")  # the exporter's own
def test_the_result_can_be_exported_to_onnx(tmp_path):
    onnx = pytest.importorskip("onnx", reason="reads what torch exports")
    pytest.importorskip("onnxscript", reason="torch exports with it")
    reference = pytest.importorskip("onnx.reference")
    model, draw = models.made(models.convolutions, torch.float32)
    small, sample = compressed(model, draw(64)), draw(2)
    torch.onnx.export(small, (sample,), tmp_path / "small.onnx", dynamo=True, verbose=False)
    (result,) = reference.ReferenceEvaluator(onnx.load(tmp_path / "small.onnx")).run(None, {"input": sample.numpy()})
    with torch.no_grad():
        assert models.relative_error(torch.as_tensor(result), small(sample)) < 1e-5


@pytest.mark.filterwarnings("ignore:.*torch.jit.*")  # torch's own, of different categories in different releases
@pytest.mark.parametrize("compress", [prune.analyze, lambda *given: prune.factorize(*given, params=0.5)])
def test_models_that_cannot_be_taken_apart_are_refused_with_the_cure(compress):
    data = torch.randn(50, 6)
    scripted = nn.Sequential(torch.jit.script(nn.Linear(6, 6)), nn.Linear(6, 6))
    with pytest.raises(TypeError, match="model must be neither scripted nor compiled, got 0 that was; give the module"):
        compress(scripted, data)
    with pytest.raises(TypeError, match="model must be neither scripted nor compiled, got one that was"):
        compress(torch.compile(mlp()), data)
    with pytest.raises(ValueError, match=r"model must have values, got 0\.weight on the meta device"):
        compress(mlp().to("meta"), data)
    broken = mlp()
    broken[2].weight.data[3, 4] = torch.inf
    with pytest.raises(ValueError, match=r"model must be finite, got NaN or Inf in 2\.weight"):
        compress(broken, data)


def test_complex_weights_are_left_alone():
    class Spectral(nn.Module):
        """Complex numbers in between."""

        def __init__(self):
            super().__init__()
            self.first = nn.Linear(6, 8, dtype=torch.complex64)
            self.second = nn.Linear(8, 8, dtype=torch.complex64)
            self.up, self.down = nn.Linear(8, 12), nn.Linear(12, 2)

        def forward(self, x):
            return self.down(torch.tanh(self.up(self.second(self.first(x.to(torch.complex64))).abs())))

    torch.manual_seed(0)
    model, data = Spectral(), torch.randn(100, 6)
    face, _ = prune.find_groups(model, data)
    assert [group.name for group in face.groups] == ["up"]
    assert face.left_alone["first"] == "first.weight is complex"


class Stateful(nn.Module):
    """A buffer that each run replaces by another tensor."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(6, 16), nn.Linear(16, 3)
        self.register_buffer("seen", torch.zeros(3, 5))

    def forward(self, x):
        self.seen = torch.ones(3, 5)
        return self.last(torch.tanh(self.first(x)))


def test_a_buffer_that_is_replaced_is_not_taken_for_the_tensor_in_its_place():
    model = Stateful()
    tape = importlib.import_module("rrqr_lapack.prune.torch._tape").Tape(model)
    old = id(model.seen)
    model.seen = None
    assert old not in {id(torch.zeros(3, 5)) for _ in range(100)}
    assert tape.names[old] == "seen"
    assert prune.find_groups(Stateful(), torch.randn(8, 6))[0].groups


class Either(nn.Module):
    """Two readers, of which the samples choose one."""

    def __init__(self):
        super().__init__()
        self.first, self.left, self.right = nn.Linear(6, 16), nn.Linear(16, 3), nn.Linear(16, 3)

    def forward(self, x):
        x, positive = torch.tanh(self.first(x)), float(x.sum()) > 0
        return self.left(x) if positive else self.right(x)


def test_weights_that_the_first_samples_do_not_reach_are_named():
    with pytest.warns(UserWarning, match="right: it does not run on the first samples, and where it does may not fit"):
        face, _ = prune.find_groups(Either(), torch.ones(8, 6))
    assert "right" in face.left_alone


class Counting(nn.Module):
    """Its forward changes buffers, in place and by assignment, and its outputs depend on them."""

    def __init__(self):
        super().__init__()
        self.body = mlp()
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("last", torch.zeros(3))
        self.register_buffer("line", torch.ones(1).expand(4))

    def forward(self, x):
        self.calls += 1
        self.last = x.mean(0)
        return self.body(x) * self.calls


def test_a_forward_that_changes_its_buffers_leaves_the_original_as_it_was():
    model = Counting()
    calls, last = model.calls, model.last
    analysis = prune.analyze(model, torch.randn(200, 6))
    small = prune.apply(analysis, prune.plan(analysis, keep=0.5))
    prune.factorize(model, torch.randn(200, 6), params=0.9)
    for each in (model, small):
        assert each.calls == 0 and torch.equal(each.last, torch.zeros(3))
    assert model.calls is calls and model.last is last


class Heads(nn.Module):
    """Attention with something added to its scores head by head; `layers` times."""

    def __init__(self, kind, layers=1):
        super().__init__()
        self.kind = kind
        self.blocks = nn.ModuleList(nn.ModuleDict({n: nn.Linear(16, 16) for n in "qkvo"}) for _ in range(layers))
        self.out = nn.Linear(16, 3)
        if kind == "ALiBi":
            self.register_buffer("slopes", 2.0 ** -torch.arange(1.0, 5.0), persistent=False)
        if kind == "relative":
            self.table = nn.Embedding(20, 4)

    def forward(self, x):
        samples, tokens, _ = x.shape
        distance = torch.arange(tokens)[:, None] - torch.arange(tokens)
        bias = {
            "ALiBi": lambda: self.slopes[:, None, None] * distance,
            "relative": lambda: self.table(distance + tokens).permute(2, 0, 1)[None],
            "computed": lambda: torch.tensor([0.5, 0.25, 0.125, 0.0625])[:, None, None] * distance,
        }[self.kind]()
        for block in self.blocks:
            q, k, v = (block[n](x).view(samples, tokens, -1, 4).transpose(1, 2) for n in "qkv")
            x = block["o"]((((q @ k.mT) / 2 + bias).softmax(-1) @ v).transpose(1, 2).reshape(samples, tokens, -1))
        return self.out(x)


@pytest.mark.parametrize(("kind", "group"), [("ALiBi", "blocks.0.q"), ("relative", "table")])
def test_heads_with_a_bias_of_their_own_in_the_scores_are_a_group(kind, group):
    torch.manual_seed(0)
    model, x = Heads(kind), torch.randn(60, 8, 16)
    analysis = prune.analyze(model, x, groups=[group])
    small = prune.apply(analysis, prune.plan(analysis, keep=0.5))
    assert small.blocks[0].o.in_features == 8
    whole = prune.apply(analysis, prune.plan(analysis, keep=1.0))
    with torch.no_grad():
        assert models.relative_error(whole(x), model(x)) < 1e-4


def test_why_heads_stay_is_said():
    x = torch.randn(60, 8, 16)
    face, _ = prune.find_groups(Heads("relative", layers=2), x)
    assert face.left_alone["table"] == (
        "several attentions add one bias to the scores of their heads (residual=True makes them a group)"
    )
    face, _ = prune.find_groups(Heads("computed"), x)
    assert face.left_alone["blocks.0.q"].endswith("with a number for each unit that no weight or buffer gives")
    assert face.left_alone["within blocks.0.v"] == "a head or a group of channels goes or stays as a whole"


def test_why_grouped_convolutions_of_the_input_stay_is_said():
    model = nn.Sequential(nn.Conv2d(4, 8, 3, groups=2), nn.ReLU(), nn.Conv2d(8, 4, 3))
    why = "conv2d in 0, whose groups read what no weight makes"
    with pytest.raises(ValueError, match=rf"got none \(0: {why}\)"):
        prune.analyze(model, torch.randn(8, 4, 8, 8))
