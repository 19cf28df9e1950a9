"""Calibration samples for models in torch: every form, and what is done with labels and masks."""

import numpy as np
import pytest

from rrqr_lapack.prune import CalibrationWarning

torch = pytest.importorskip("torch", reason="the face of torch needs torch, an extra")
prune = pytest.importorskip("rrqr_lapack.prune.torch")
data = pytest.importorskip("torch.utils.data")


@pytest.fixture
def model():
    """One hidden layer."""
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.Tanh(), torch.nn.Linear(16, 3))


X = torch.randn(100, 6, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(100) % 3

FORMS = {
    "tensor": lambda: X,
    "ndarray": X.numpy,
    "float64": X.double,
    "list of tensors": lambda: list(X.split(30)),
    "list of pairs": lambda: list(zip(X.split(30), LABELS.split(30), strict=True)),
    "generator": lambda: iter(X.split(30)),
    "DataLoader": lambda: data.DataLoader(data.TensorDataset(X, LABELS), batch_size=30),
    "mapping": lambda: {"input": X, "labels": LABELS},
    "mappings": lambda: [{"input": x} for x in X.split(30)],
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_the_samples_gives_the_same_units(model, form):
    analysis = prune.analyze(model, form())
    assert analysis.statistics("0").rows == 100
    expected = prune.plan(prune.analyze(model, X), keep=0.5, method="id", refit=None)
    assert prune.plan(analysis, keep=0.5, method="id", refit=None).groups[0].units == expected.groups[0].units


def test_the_samples_of_an_iterator_are_all_used_once(model):
    alive = []

    def counted():
        for x in X.split(30):
            alive.append(len(x))
            yield x

    analysis = prune.analyze(model, counted())
    assert alive == [30, 30, 30, 10]
    assert analysis.statistics("0").rows == 100
    with pytest.raises(ValueError, match="got those of an iterator"):
        prune.plan(analysis, keep=0.5, refit="asymmetric")


def test_samples_that_are_sorted_are_dealt_out(model):
    """So that what is held out looks like what is not."""
    batches = list(prune.analyze(model, torch.arange(600.0).reshape(100, 6), batch_size=20).batches)
    assert [len(batch) for batch in batches] == [17, 17, 17, 17, 16, 16]
    assert all(abs(float(batch.mean()) - 299.5) < 30 for batch in batches)


def test_the_caller_says_how_the_model_is_called_and_which_output_counts(model):
    def call(module, batch):
        return {"all": module(batch["x"]), "first": module(batch["x"])[:, :1]}

    face, _ = prune.find_groups(model, {"x": X}, call=call, output=lambda result: result["first"])
    assert [y.shape for (y,) in face.outputs(face.batches({"x": X.numpy()}))] == [(17, 1)] * 4 + [(16, 1)] * 2


def test_progress_is_told(model):
    said = []
    prune.analyze(model, X, batch_size=50, progress=lambda *what: said.append(what))
    assert said[0] == ("reading activations", 1, None)
    assert len(said) == 6


@pytest.mark.parametrize("calibration", [torch.zeros(0, 6), [], iter([])], ids=["array", "list", "iterator"])
def test_no_samples_are_refused(model, calibration):
    with pytest.raises(ValueError, match="calibration must hold samples, got none"):
        prune.analyze(model, calibration)


@pytest.mark.parametrize("calibration", [None, 3, "X.npy"])
def test_what_is_no_calibration_is_refused(model, calibration):
    with pytest.raises(TypeError, match="calibration must be an array or batches, got "):
        prune.analyze(model, calibration)


@pytest.mark.parametrize("batch", [[1.0, 2.0], 3, "text"], ids=["list", "int", "str"])
def test_batches_without_arrays_are_refused(model, batch):
    with pytest.raises(
        TypeError, match=f"calibration must hold arrays or tensors, got none in batch 0, a {type(batch).__name__}"
    ):
        prune.analyze(model, [batch])
    with pytest.raises(
        TypeError, match=f"calibration must hold arrays or tensors, got none in batch 1, a {type(batch).__name__}"
    ):
        prune.analyze(model, iter([X, batch]))


def test_an_unknown_group_is_refused_with_the_known_ones(model):
    with pytest.raises(ValueError, match=r"groups must be among those of this model, 0, .*got 'first'"):
        prune.analyze(model, X, groups=["first"])


def test_a_name_by_itself_is_one_group():
    layers = [layer for _ in range(6) for layer in (torch.nn.Linear(6, 6), torch.nn.Tanh())]
    model = torch.nn.Sequential(*layers, torch.nn.Linear(6, 3))
    assert list(prune.analyze(model, X, groups="10").groups) == ["10"]
    with pytest.raises(ValueError, match=r"groups must be among those of this model, .*, got '24'"):  # not 2 and 4
        prune.analyze(model, X, groups="24")


def test_a_model_without_floating_point_outputs_is_refused(model):
    with pytest.raises(TypeError, match="model must return a floating-point tensor, got none; give output="):
        prune.analyze(model, X, call=lambda module, x: module(x).argmax(1))
    with pytest.raises(TypeError, match="output must give a floating-point tensor of the model's result, got list"):
        prune.analyze(model, X, output=lambda result: [result])
    with pytest.raises(TypeError, match=r"of the model's result, got torch\.complex64"):
        prune.analyze(model, X, output=torch.fft.fft)


@pytest.mark.parametrize(
    "compress", [prune.analyze, lambda *given, **size: prune.factorize(*given, params=0.5, **size)]
)
def test_other_batch_sizes_are_refused(model, compress):
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        compress(model, X, batch_size=0)
    with pytest.raises(TypeError, match=r"batch_size must be an integer, got 1\.5"):
        compress(model, X, batch_size=1.5)


def test_a_path_that_is_not_taken_gives_no_rows(model):
    class Either(torch.nn.Module):
        """Runs its model for positive samples only."""

        def __init__(self):
            super().__init__()
            self.inner = model

        def forward(self, x):
            return self.inner(x) if float(x.sum()) > 0 else x[:, :3]

    analysis = prune.analyze(Either(), [X.abs()[:60], -X.abs()[:60], X.abs()[60:]])
    assert analysis.statistics("inner.0").rows == 100
    assert prune.apply(analysis, prune.plan(analysis, keep=0.5)).inner[0].out_features == 8


def test_the_curve_is_the_error_for_every_k(model):
    """||R22||_F = ||Z - Z_C T||_F."""
    model = model.double()
    analysis = prune.analyze(model, X.double())
    Z = np.concatenate([z["0"] for z in analysis.face.activations(analysis.batches)])
    factor = analysis.factor("0")
    for k in range(1, 17):
        cut = factor.cut(k)
        error = np.linalg.norm(Z - Z[:, cut.units] @ cut.coefficients)
        assert abs(factor.errors[k] - error) <= 1e-12 * np.linalg.norm(Z)


@pytest.mark.parametrize("compress", [prune.analyze, lambda *given: prune.factorize(*given, params=0.5)])
@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (torch.ones(30, 7), r"RuntimeError: mat1 and mat2 shapes"),
        (torch.ones(30, 6, dtype=torch.int64), r"RuntimeError: mat1 and mat2 must have the same dtype"),
        ({"x": X}, r"TypeError: .* missing 1 required positional argument"),
    ],
)
def test_samples_that_the_model_does_not_run_on_are_refused_with_the_cure(model, compress, samples, message):
    with pytest.raises(ValueError, match=rf"calibration must be what the model runs on, got {message}.*or call="):
        compress(model, samples)


def test_sparse_samples_are_filled_in(model):
    sparse = pytest.importorskip("scipy.sparse")
    few = np.where(abs(X.numpy()) > 0.5, X.numpy(), 0)
    expected = prune.plan(prune.analyze(model, few), keep=0.5)
    for form in (sparse.coo_array(few), sparse.csr_matrix(few), {"input": sparse.csc_array(few)}):
        analysis = prune.analyze(model, form)
        assert analysis.statistics("0").rows == 100
        assert prune.plan(analysis, keep=0.5).groups[0].units == expected.groups[0].units
    batches = [sparse.csr_array(few[:60]), (sparse.coo_array(few[60:]), LABELS[60:])]
    assert prune.analyze(model, batches).statistics("0").rows == 100


@pytest.mark.filterwarnings(
    "ignore:The PyTorch API of MaskedTensors", "ignore:The PyTorch API of nested tensors", "ignore:Sparse CSR"
)
def test_what_a_tensor_would_misread_is_refused(model):
    masked = np.ma.masked_less(X.numpy(), -2.0)
    nested = torch.nested.nested_tensor([X[:3], X[:5]])
    for form, what in (
        (masked, "must have no masked entries, got some; fill them first"),
        ([X, {"input": masked}], "must have no masked entries"),
        (torch.masked.masked_tensor(X, X > 0), "must have no masked entries, got a masked tensor; fill it first"),
        (X.to_sparse(), r"must hold strided tensors, got one that is sparse_coo; pass tensor\.to_dense\(\)"),
        (
            [(X.to_sparse_csr(), LABELS)],
            r"must hold strided tensors, got one that is sparse_csr; pass tensor\.to_dense\(\)",
        ),
        ([nested], r"must hold strided tensors, got one that is nested; pass tensor\.to_padded_tensor\(0\)"),
    ):
        for use in (prune.analyze, lambda model, form: prune.factorize(model, form, params=0.9)):
            with pytest.raises(TypeError, match=f"calibration {what}"):
                use(model, form)


def test_labels_do_not_make_equal_samples_different(model):
    with pytest.warns(CalibrationWarning, match="of 100 samples 1 different"):
        prune.analyze(model, [(X[:1].repeat(50, 1), LABELS[:50]), (X[:1].repeat(50, 1), LABELS[50:])])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_sign_of_a_zero_does_not_make_equal_samples_different(dtype, model):
    signed = torch.where(torch.arange(100)[:, None] % 2 == 0, 0.0, -0.0).to(dtype).repeat(1, 6)
    with pytest.warns(CalibrationWarning, match="of 100 samples 1 different"):
        prune.analyze(model, signed)
