"""What calibration samples cannot tell is said: when they are read, in the plan, in the report, in the shell."""

import inspect

import numpy as np
import pytest
from networks import random_network

import rrqr_lapack.prune
from rrqr_lapack.prune import CalibrationWarning, Plan, analyze, compress, plan, save
from rrqr_lapack.prune._command.cli import PLANNING, main
from rrqr_lapack.prune._doubts import Variety
from rrqr_lapack.prune._planning.options import Options


@pytest.fixture
def network(rng):
    """Two hidden layers of 64."""
    return random_network(rng, (6, 64, 64, 3), "tanh")


def test_samples_that_are_all_alike_are_warned_of(network, rng):
    """They leave one neuron of 64 at an error of zero."""
    X = np.tile(rng.standard_normal(6), (500, 1))
    with pytest.warns(CalibrationWarning) as caught:
        small, report = compress(network, X, eps=0.01)
    assert small.widths == (6, 1, 1, 3) and report.output_error < 1e-7
    assert [str(each.message) for each in caught] == ["; ".join(report.doubts)]
    assert report.doubts == (
        "layers[0] has 64 columns but the samples give only 1 row (of 500 samples 1 different): no more than 1 can be "
        "told apart; use 3 rows a column (and 1 more groups are short of them)",
        "no sample could be held out that was not fitted too, so that the error of new samples is not known; "
        "use more samples that differ",
    )
    assert "predicted for new samples (in doubt)" in str(report) and f"beware          {report.doubts[0]}" in str(
        report
    )


def test_three_samples_predict_nothing_for_new_ones(network, rng):
    X = rng.standard_normal((3, 6))
    with pytest.warns(CalibrationWarning, match="the error of new samples is not known"):
        small, report = compress(network, X, eps=1e-6)
    fresh = rng.standard_normal((100, 6))
    error = np.linalg.norm(small(fresh) - network(fresh)) / np.linalg.norm(network(fresh))
    assert report.predicted_error < 1e-12 and error > 0.3  # the lie that is warned of


def test_repeated_samples_count_once(network, rng):
    X = rng.standard_normal((40, 6))
    with pytest.warns(
        CalibrationWarning, match=r"only 40 rows \(of 400 samples 40 different\): no more than 40 can be"
    ):
        analyze(network, np.tile(X, (10, 1)))


def test_samples_that_differ_in_the_sign_of_zeros_count_once(network, rng):
    X = rng.standard_normal((40, 6))
    X[:, 2] = 0
    with pytest.warns(CalibrationWarning, match=r"only 40 rows \(of 80 samples 40 different\)"):
        analyze(network, np.concatenate([X, X * np.where(X == 0, -1, 1)]))


def test_samples_that_differ_by_next_to_nothing_are_warned_of(network, rng):
    """Different bits, and activations that are the same to six digits."""
    X = rng.standard_normal(6) + 1e-8 * rng.standard_normal((500, 6))
    with pytest.warns(
        CalibrationWarning, match=r"activations of layers\[0\], layers\[1\] are the same for all samples"
    ):
        analyze(network, X)


@pytest.mark.parametrize("samples", [192, 400, 5000])
def test_ordinary_samples_raise_no_doubt(network, rng, samples):
    analysis = analyze(network, rng.standard_normal((samples, 6)))
    assert analysis.doubts == plan(analysis, keep=0.5).doubts == ()


def test_a_network_that_repeats_its_neurons_raises_no_doubt(rng):
    """Few directions in the activations are what compression is for; only few samples are in doubt."""
    network = random_network(rng, (6, 64, 3))
    network.layers[0].weight[:, 4:] = np.tile(network.layers[0].weight[:, :4], 15)
    network.layers[0].bias[4:] = np.tile(network.layers[0].bias[:4], 15)
    small, report = compress(network, rng.standard_normal((300, 6)), eps=1e-8)
    assert small.widths == (6, 4, 3) and report.doubts == ()


def test_doubts_go_with_the_plan_into_its_file(network, rng, tmp_path):
    with pytest.warns(CalibrationWarning):
        analysis = analyze(network, rng.standard_normal((20, 6)))
    chosen = plan(analysis, keep=0.5)
    assert len(chosen.doubts) == 2 and f"beware          {chosen.doubts[1]}" in str(chosen)
    chosen.to_json(tmp_path / "plan.json")
    assert Plan.from_json(tmp_path / "plan.json") == chosen
    old = (tmp_path / "plan.json").read_text().replace('"doubts"', '"other"')
    with pytest.raises(ValueError, match="source must be a plan"):
        Plan.from_json(old)


def test_the_shell_says_so_too(network, rng, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("warnings.filters", [("default", None, Warning, None, 0)])
    save(network, "model.npz")
    np.save("X.npy", np.ones((50, 6)))
    assert main(["plan", "model.npz", "--data", "X.npy", "--keep", ".5"]) == 0
    said = capsys.readouterr()
    assert said.err.startswith("rrqr: warning: layers[0] has 64 columns but the samples give only 1 row")
    assert said.err.count("\n") == 1 and "beware          layers[0] has 64 columns" in said.out


def test_counting_ends_when_all_is_known():
    variety = Variety(3)
    variety.add([b"a", b"b", b"c"], held_out=False)
    variety.add([b"a"], held_out=True)
    assert not variety.fresh
    variety.add([b"d"], held_out=True)
    assert variety.fresh
    variety.add((pytest.fail("read on") for _ in range(1)), held_out=False)


def public(module):
    """The functions of a module, and the methods of its classes."""
    for name in module.__all__:
        item = getattr(module, name)
        yield name, item
        if inspect.isclass(item):
            methods = {key: each for key, each in vars(item).items() if inspect.isfunction(each)}
            methods.pop("__replace__", None)  # which Python 3.13 gives to data classes
            yield from ((f"{name}.{key}", each) for key, each in methods.items())


@pytest.mark.parametrize("module", ["rrqr_lapack.prune", "rrqr_lapack.prune.torch"])
def test_public_signatures_name_their_options(module):
    functions = dict(public(pytest.importorskip(module)))
    for name, function in functions.items():
        if inspect.isclass(function) and issubclass(function, Warning):
            continue
        kinds = [p.kind for p in inspect.signature(function).parameters.values()]
        if name != "Factored":  # torch's Sequential takes modules
            assert inspect.Parameter.VAR_KEYWORD not in kinds, name


def test_compress_and_the_command_have_the_options_of_plan_with_their_defaults(network):
    options = vars(Options())
    for function in (compress, rrqr_lapack.prune.plan):
        parameters = inspect.signature(function).parameters
        assert {name: parameters[name].default for name in options} == options
    assert list(PLANNING) == [name for name in options if name not in ("skip", "alike", "eps_scale")]
    with pytest.raises(TypeError, match=r"compress\(\) got an unexpected keyword argument 'ratio'"):
        compress(network, np.ones((100, 6)), ratio=0.5)
