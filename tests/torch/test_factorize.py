"""Layers of torch models as products of two."""

import numpy as np
import pytest

from rrqr_lapack.prune import CalibrationWarning

torch = pytest.importorskip("torch", reason="the face of torch needs torch, an extra")
models = pytest.importorskip("torch_models")
prune = pytest.importorskip("rrqr_lapack.prune.torch")
nn = torch.nn


def parameters(model):
    """How many."""
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.fixture
def model():
    """Two wide layers and a narrow one."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(30, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 3)).double()


def samples(count, seed=0):
    """Few directions, so that weights matter in few."""
    rng = np.random.default_rng(seed)
    directions = np.random.default_rng(1).standard_normal((6, 30))
    return torch.as_tensor(rng.standard_normal((count, 6)) @ directions)


def test_at_full_rank_nothing_changes(model):
    small, report = prune.factorize(model, ranks={"0": 30, "2": 40})
    with torch.no_grad():
        assert models.relative_error(small(samples(9)), model(samples(9))) < 1e-12
    assert all(row.error < 1e-12 for row in report.layers)


def test_with_data_a_rank_that_they_need_is_enough(model):
    data = samples(400)
    small, report = prune.factorize(model, data, ranks={"0": 6})
    blind, _ = prune.factorize(model, ranks={"0": 6})
    with torch.no_grad():
        expected = model(samples(50, 2))
        assert models.relative_error(small(samples(50, 2)), expected) < 1e-10
        assert models.relative_error(blind(samples(50, 2)), expected) > 0.05
    assert report.layers[0].error < 1e-10


@pytest.mark.parametrize("params", [0.5, 0.7, 1800])
def test_a_budget_of_parameters_is_met_with_ranks_that_differ(model, params):
    small, report = prune.factorize(model, samples(400), params=params)
    budget = params if params > 1 else int(params * parameters(model))
    assert 0.9 * budget < parameters(small) <= budget
    assert (report.parameters_before, report.parameters_after) == (parameters(model), parameters(small))
    assert len({row.rank for row in report.layers}) > 1


def test_a_tolerance_is_met_by_every_layer(model):
    small, report = prune.factorize(model, samples(400), rtol=0.1)
    assert all(row.error <= 0.1 for row in report.layers)
    assert parameters(small) < parameters(model)
    for row in report.layers:
        if row.rank is not None:
            _, tighter = prune.factorize(model, samples(400), ranks={row.layer: row.rank - 1})
            assert tighter.layers[0].error > 0.1


@pytest.mark.parametrize("kind", [models.convolutions, models.Residual, models.Depthwise])
def test_convolutions_are_factored_into_one_with_the_kernel_and_one_without(kind):
    model, draw = models.made(kind)
    names = [
        name for name, module in model.named_modules() if type(module) in (nn.Conv1d, nn.Conv2d) and module.groups == 1
    ]
    full = {name: min(model.get_submodule(name).weight.flatten(1).shape) for name in names}
    same, _ = prune.factorize(model, draw(60), ranks=full)
    lower, _ = prune.factorize(model, draw(60), ranks={name: max(1, rank - 2) for name, rank in full.items()})
    with torch.no_grad():
        x = draw(5)
        assert models.relative_error(same(x), model(x)) < 1e-12
        assert lower(x).shape == model(x).shape


@pytest.mark.parametrize("mode", ["zeros", "reflect", "circular"])
@pytest.mark.parametrize("kind", [nn.Conv1d, nn.Conv2d])
def test_the_error_of_a_convolution_is_that_of_its_outputs(kind, mode):
    torch.manual_seed(0)
    layer = kind(3, 10, 3, stride=2, padding=2, dilation=2, padding_mode=mode).double()
    x = torch.randn(30, 3, *[9] * (layer.weight.ndim - 2), dtype=torch.float64) + 1
    model = nn.Sequential(layer, nn.Flatten(1))
    for rank in (2, 5):
        small, report = prune.factorize(model, x, ranks={"0": rank})
        blind, _ = prune.factorize(model, ranks={"0": rank})
        with torch.no_grad():
            constant = layer.bias.reshape(-1, *[1] * (layer.weight.ndim - 2))
            exact, found, other = (each[0](x) - constant for each in (model, small, blind))
        assert models.relative_error(found, exact) == pytest.approx(report.layers[0].error, rel=1e-8)
        assert models.relative_error(found, exact) < 0.99 * models.relative_error(other, exact)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")  # PyTorch's, of its speed
@pytest.mark.parametrize("mode", ["zeros", "reflect", "circular"])
@pytest.mark.parametrize("padding", ["same", "valid", 1, (2, 1)])
def test_a_convolution_is_the_product_of_what_it_reads_with_its_matrix(padding, mode):
    """Kernels of an even and an odd length, each with its own dilation, so that 'same' is not symmetric."""
    from rrqr_lapack.prune.torch._factored import matrix, read_by

    torch.manual_seed(0)
    layer = nn.Conv2d(3, 4, (2, 3), padding=padding, dilation=(3, 2), padding_mode=mode, bias=False).double()
    x = torch.randn(5, 3, 8, 9, dtype=torch.float64)
    with torch.no_grad():
        expected = layer(x).flatten(2).transpose(1, 2)
    torch.testing.assert_close(read_by(layer, x) @ torch.as_tensor(matrix(layer)), expected, rtol=0, atol=1e-12)


def test_layers_whose_weights_the_code_uses_itself_stay_and_are_named():
    torch.manual_seed(0)
    model = nn.TransformerEncoderLayer(12, 2, 24, batch_first=True)
    with pytest.warns(UserWarning, match="left as they are, their code uses the weights itself: linear2"):
        small, report = prune.factorize(model.eval(), torch.randn(30, 3, 12), ranks={"linear2": 2})
    assert isinstance(small.linear2, nn.Linear)
    assert report.layers[0].rank is None


def test_shared_weights_are_left_alone(model):
    model[2] = nn.Linear(40, 40).double()
    model.insert(3, nn.Linear(40, 40).double())
    model[3].weight = model[2].weight
    _, report = prune.factorize(model, params=0.9)
    assert not {"2", "3"} & {row.layer for row in report.layers}


def test_dtype_mode_and_gradients_are_those_of_the_layer(model):
    model.float().half()[0].requires_grad_(False)
    small, _ = prune.factorize(model.train(), ranks={"0": 3})
    assert {parameter.dtype for parameter in small.parameters()} == {torch.float16}
    assert small[0].training and small[0][0].training
    assert not any(parameter.requires_grad for parameter in small[0].parameters())


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, ValueError, "exactly one of params, rtol, ranks must be given, got none of them"),
        ({"params": 0.5, "rtol": 0.1}, ValueError, "got params and rtol"),
        ({"params": 1.5}, ValueError, "params must be a fraction above 0 .*, got 1.5"),
        ({"params": "half"}, TypeError, "params must be a number, got 'half'"),
        ({"params": 200}, ValueError, "params must allow rank 1 everywhere, .* parameters, got 200, which allows 200"),
        ({"rtol": 1.0}, ValueError, "rtol must be at least 0 and less than 1, got 1.0"),
        ({"ranks": {"0": 31}}, ValueError, "ranks must be between 1 and 30 for '0', got 31"),
        ({"ranks": {"0": 0}}, ValueError, "ranks must be between 1 and 30 for '0', got 0"),
        ({"ranks": {"0": 2.5}}, TypeError, "ranks must be integers, got 2.5 for '0'"),
        ({"ranks": [3]}, TypeError, "ranks must be a mapping, the rank of each layer by its name, got list"),
        ({"ranks": {"0": 3}, "layers": "2"}, ValueError, "ranks must have one for each of layers, got none for '2'"),
        ({"ranks": {"1": 2}}, ValueError, "ranks must name layers that can be factored, 0, 2, 4, got '1'"),
        ({"params": 0.5, "layers": ["x"]}, ValueError, "layers must name layers that can be factored, .*, got 'x'"),
    ],
)
def test_other_budgets_and_layers_are_refused(model, options, error, message):
    with pytest.raises(error, match=message):
        prune.factorize(model, **options)


def test_a_name_by_itself_is_one_layer(model):
    _, report = prune.factorize(model, ranks={"0": 3, "2": 3}, layers="0")
    assert [row.layer for row in report.layers] == ["0"]


def test_layers_that_do_not_run_are_factored_by_their_weights(model):
    model.idle = nn.Linear(30, 30).double()
    model.forward = lambda x: model[4](model[3](model[2](model[1](model[0](x)))))
    _, seen = prune.factorize(model, samples(400), ranks={"0": 3, "idle": 3})
    _, blind = prune.factorize(model, ranks={"0": 3, "idle": 3})
    assert seen.layers[0].error != blind.layers[0].error and seen.layers[1] == blind.layers[1]


def test_a_layer_may_be_called_with_its_input_by_name(model):
    data = samples(400)
    expected, _ = prune.factorize(model, data, ranks={"0": 3})
    model.forward = lambda input: nn.Sequential.forward(model[1:], model[0](input=input))
    found, _ = prune.factorize(model, data, ranks={"0": 3})
    assert torch.equal(found[0][0].weight, expected[0][0].weight)


def test_a_layer_that_reads_nan_is_named(model):
    model[1] = nn.Threshold(0.0, torch.nan)
    with pytest.raises(ValueError, match="inputs of 2 must be finite, got NaN or Inf for the calibration samples"):
        prune.factorize(model, samples(400), params=0.5)


def test_the_report_is_a_table_and_json(model, tmp_path):
    _, report = prune.factorize(model, ranks={"0": 3})
    assert any(
        line.split() == ["|", "0", "|", "30", "x", "40", "|", "3", "|", f"{report.layers[0].error:.2e}", "|"]
        for line in str(report).splitlines()
    )
    report.to_json(tmp_path / "report.json")
    assert '"rank": 3' in (tmp_path / "report.json").read_text()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("driver", ["exact", "randomized"])
def test_adapters_and_rest_are_the_weights_and_the_adapters_are_balanced(dtype, driver):
    torch.manual_seed(0)
    layer, X = nn.Linear(30, 20).to(dtype), samples(200).to(dtype)
    A, B, rest = prune.lora_init(layer, 6, X, driver=driver, rng=0)
    assert (A.shape, B.shape, {A.dtype, B.dtype, rest.dtype}) == ((6, 30), (20, 6), {dtype})
    tiny = 100 * torch.finfo(dtype).eps
    assert models.relative_error(rest + B @ A, layer.weight.detach()) < tiny
    assert float(A.norm()) == pytest.approx(float(B.norm()), rel=1e-5)
    assert (X @ rest.T).norm() < 100 * tiny * (X @ layer.weight.T).norm()  # the samples have six directions
    blind = prune.lora_init(layer, 6, driver=driver, rng=0)[2]
    assert (X @ blind.T).norm() > 0.1 * (X @ layer.weight.T).norm()
    assert float(blind.norm()) <= 1.05 * float(torch.linalg.svdvals(layer.weight.detach())[6:].norm())


@pytest.mark.parametrize("dtype", [torch.int8, torch.int64, torch.bool])
def test_adapters_of_integers_are_numbers_between_them(dtype):
    layer = nn.Linear(6, 5)
    weight = (torch.randn(5, 6, generator=torch.Generator().manual_seed(0)) * 20).to(dtype)
    layer.weight = nn.Parameter(weight, requires_grad=False)
    A, B, rest = prune.lora_init(layer, 5)
    assert {A.dtype, B.dtype, rest.dtype} == {torch.float32}
    assert models.relative_error(B @ A, weight.float()) < 1e-5
    assert models.relative_error(rest + B @ A, weight.float()) < 1e-6


def test_adapters_are_for_linear_layers():
    with pytest.raises(TypeError, match=r"layer must be a torch\.nn\.Linear, got Conv2d"):
        prune.lora_init(nn.Conv2d(1, 1, 1), 1)
    with pytest.raises(ValueError, match="rank must be between 1 and 3"):
        prune.lora_init(nn.Linear(3, 5), 0)


def test_the_randomized_driver_takes_the_place_of_the_exact_one(model):
    exact, _ = prune.factorize(model, samples(400), ranks={"0": 6, "2": 5})
    found, report = prune.factorize(model, samples(400), ranks={"0": 6, "2": 5}, driver="randomized", rng=0)
    x = samples(50, 2)
    with torch.no_grad():
        best = models.relative_error(exact(x), model(x))
        assert models.relative_error(found(x), model(x)) < 1.1 * best + 1e-10
    assert report.layers[0].error < 1e-6


def test_few_samples_are_warned_of_and_the_report_says_so(model):
    words = r"0 has \d+ columns but the samples give only 1 row \(of 40 samples 1 different\): no more than 1 can"
    with pytest.warns(CalibrationWarning, match=words):
        _, report = prune.factorize(model, samples(1).repeat(40, 1), ranks={"0": 2})
    assert report.doubts and f"beware          {report.doubts[0]}" in str(report)


class Rows(nn.Module):
    """What GPT-2 of transformers has for linear layers, by its name there."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.nf = outputs
        self.weight, self.bias = nn.Parameter(torch.randn(inputs, outputs)), nn.Parameter(torch.randn(outputs))

    def forward(self, x):
        return torch.addmm(self.bias, x.flatten(0, -2), self.weight).reshape(*x.shape[:-1], self.nf)


Conv1D = type("Conv1D", (Rows,), {})
OTHERS = {
    "rows": (lambda: Conv1D(8, 12), lambda: torch.randn(300, 8), 8),
    "embedding": (lambda: nn.Embedding(20, 12, padding_idx=3), lambda: torch.randint(0, 20, (300, 4)), 12),
    "transposed": (
        lambda: nn.ConvTranspose1d(8, 6, 3, stride=2, padding=1, output_padding=1), lambda: torch.randn(60, 8, 9), 8
    ),
    "transposed 2d": (lambda: nn.ConvTranspose2d(4, 6, (2, 3), bias=False), lambda: torch.randn(60, 4, 5, 5), 4),
}  # fmt: skip


@pytest.mark.parametrize("kind", OTHERS)
def test_other_layers_are_exact_at_full_rank_and_read_back_from_files(kind, tmp_path):
    pytest.importorskip("safetensors", reason="the files are its")
    torch.manual_seed(0)
    make, draw, full = OTHERS[kind]
    model, x = nn.Sequential(make()), draw()
    whole, report = prune.factorize(model, x, ranks={"0": full})
    half, fewer = prune.factorize(model, x, ranks={"0": full // 2})
    prune.save(half, tmp_path / "half.safetensors")
    with torch.no_grad():
        assert models.relative_error(whole(x), model(x)) < 1e-5
        assert report.layers[0].error < 1e-5 < fewer.layers[0].error
        read = prune.load(nn.Sequential(make()), tmp_path / "half.safetensors")
        assert models.relative_error(read(x), half(x)) < 1e-6
        if kind in ("rows", "embedding"):  # elsewhere products overlap, or the bias counts
            given = getattr(model[0], "bias", 0)
            measured = (half(x) - model(x)).norm() / (model(x) - given).norm()
            assert abs(float(measured) / fewer.layers[0].error - 1) < 1e-3


def test_a_budget_never_loses_to_the_same_fraction_of_each_layer_on_held_out_samples():
    """Of the ways that were tried the best is taken, and all keep the budget."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(12, 40), torch.nn.ReLU(), torch.nn.Linear(40, 40), torch.nn.ReLU())
    model.append(torch.nn.Linear(40, 3))
    X = torch.randn(600, 12)
    for params in (0.3, 0.6):
        small, report = prune.factorize(model, X, params=params)
        assert set(report.held_out) == {"global", "uniform", "halfway"}
        assert report.parameters_after <= params * report.parameters_before
        assert min(report.held_out.values()) <= report.held_out["uniform"]
        fresh = torch.randn(2000, 12)
        with torch.no_grad():
            error = float((small(fresh) - model(fresh)).norm() / model(fresh).norm())
        assert error == pytest.approx(min(report.held_out.values()), rel=0.25)
        assert "on held-out samples" in str(report)
