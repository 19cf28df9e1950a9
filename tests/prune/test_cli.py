"""The rrqr command: its jobs, its exit status, its one-line errors."""

import contextlib
import functools
import gzip
import json
import math
import os
import re
import signal
import struct
import subprocess
import sys
import warnings

import numpy as np
import pytest

import rrqr_lapack
from rrqr_lapack.prune import Dense, Network, compress, load, save
from rrqr_lapack.prune._command import demo, fashion_mnist
from rrqr_lapack.prune._command.cli import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to work in, with a network and its calibration samples."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(5)
    layers = [Dense(rng.standard_normal((n, m)).astype(np.float32), activation="relu") for n, m in ((6, 20), (20, 16))]
    save(Network([*layers, Dense(rng.standard_normal((16, 3)).astype(np.float32))], "softmax"), "model.npz")
    np.save("X.npy", rng.standard_normal((200, 6)).astype(np.float32))
    return tmp_path


COMMAND = ["compress", "model.npz", "--data", "X.npy", "-o", "small.npz"]


@pytest.mark.parametrize(
    ("options", "budget"),
    [
        (["--eps", "0.1"], {"eps": 0.1}),
        (["--keep", "0.5"], {"keep": 0.5}),
        (["--ranks", "9,7"], {"ranks": [9, 7]}),
        (["--keep", "0.5", "--layers", "1"], {"keep": 0.5, "layers": [1]}),
        (["--keep", "0.5", "--refit", "none"], {"keep": 0.5, "refit": None}),
    ],
)
def test_compress_does_what_the_function_does(folder, options, budget, capsys):
    assert main([*COMMAND, *options]) == 0
    expected, report = compress(load("model.npz"), np.load("X.npy"), **budget)
    small = load("small.npz")
    assert (small.widths, small.head) == (expected.widths, "softmax")
    for one, two in zip(small.layers, expected.layers, strict=True):
        np.testing.assert_array_equal(one.weight, two.weight)
    out = capsys.readouterr().out
    assert f"{report.parameters_before:,} -> {report.parameters_after:,}" in out
    assert out.endswith("wrote small.npz\n")


def test_compress_writes_the_report_and_safetensors(folder, capsys):
    assert main([*COMMAND[:-1], "small.safetensors", "--keep", "0.5", "--report", "report.json"]) == 0
    assert json.loads((folder / "report.json").read_text())["layers"][0]["after"] == 10
    assert load("small.safetensors").widths == (6, 10, 8, 3)
    assert capsys.readouterr().out.endswith("wrote small.safetensors report.json\n")


@pytest.mark.parametrize("existing", ["small.npz", "report.json"])
def test_an_existing_output_is_replaced_only_with_force(folder, existing, capsys):
    (folder / existing).write_text("mine")
    command = [*COMMAND, "--keep", "0.5", "--report", "report.json"]
    assert main(command) == 1
    assert f"rrqr: error: {existing} exists and is not overwritten; --force replaces it\n" == capsys.readouterr().err
    assert (folder / existing).read_text() == "mine"
    assert {"model.npz", "X.npy", existing} == set(os.listdir())
    assert main([*command, "--force"]) == 0
    assert load("small.npz").widths == (6, 10, 8, 3)
    assert json.loads((folder / "report.json").read_text())["samples"] == 200


def spoil(name, content):
    """Write bytes over a file of the folder."""
    with open(name, "wb") as file:
        file.write(content)


@pytest.mark.parametrize(
    ("arguments", "prepare", "message"),
    [
        (["--eps", "2"], None, "eps must be at least 0 and less than 1, got 2.0"),
        (["--eps", "nan"], None, "eps must be at least 0 and less than 1, got nan"),
        (["--keep", "0"], None, "keep must be above 0 and at most 1, the fraction of units to keep, got 0.0"),
        (["--ranks", "9"], None, "ranks must hold a number for each of the 2 groups, got 1"),
        (["--ranks", "9,99"], None, "ranks must be between 1 and 16 for layers[1], got 99"),
        (["--keep", ".5", "--layers", "2"], None, "layers must be between 0 and 1, those that can be cut, got 2"),
        (["--keep", ".5", "-o", "small.pkl"], None, "path must end in .npz or .safetensors, got small.pkl"),
        (["--keep", ".5", "-o", "none/small.npz"], None, "the folder none is not there"),
        (["--keep", ".5", "--report", "none/r.json"], None, "the folder none is not there"),
        (["--keep", ".5", "--report", "small.npz"], None, "paths must be different files, got small.npz twice"),
        (["--keep", ".5", "--data", "none.npy"], None, "No such file or directory: 'none.npy'"),
        (["--keep", ".5"], lambda: os.remove("model.npz"), "model.npz is not there"),
        (
            ["--keep", ".5"],
            lambda: spoil("model.npz", b"hello"),
            "path must be a readable .npz file, got model.npz: it is",
        ),
        (
            ["--keep", ".5"],
            lambda: np.savez("model.npz", np.eye(2)),
            "path must be a network that rrqr_lapack.prune.save wrote, got model.npz",
        ),
        (["--keep", ".5"], lambda: spoil("X.npy", b""), "path must be a readable .npy file, got X.npy"),
        (["--keep", ".5"], lambda: spoil("X.npy", b"hello"), "path must be a readable .npy file, got X.npy"),
        (["--keep", ".5"], lambda: spoil("X.npy", b"PK\x03\x04 cut"), "path must be a readable .npy file, got X.npy"),
        (["--keep", ".5"], lambda: np.save("X.npy", np.array([{}])), "path must be a readable .npy file, got X.npy"),
        (["--keep", ".5", "--data", "model.npz"], None, "path must be a readable .npy file, got model.npz"),
        (["--keep", ".5"], lambda: np.save("X.npy", np.ones((5, 7))), "X must have shape (samples, 6)"),
        (["--keep", ".5"], lambda: np.save("X.npy", np.ones((0, 6))), "X must hold samples, got none"),
        (
            ["--keep", ".5"],
            lambda: np.save("X.npy", np.full((5, 6), np.nan)),
            "X must be finite, got NaN or Inf in sample 0",
        ),
        (["--keep", ".5"], lambda: np.save("X.npy", np.full((5, 6), "a")), "X must hold real numbers, got <U1"),
    ],
)
def test_bad_input_is_one_line_and_status_one(folder, arguments, prepare, message, capsys):
    if prepare:
        prepare()
    before = set(os.listdir())
    assert main([*COMMAND, *arguments]) == 1
    err = capsys.readouterr().err
    assert err.startswith("rrqr: error: ")
    assert message in err
    assert err.count("\n") == 1
    assert set(os.listdir()) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["shrink"], "invalid choice: 'shrink'"),
        ([*COMMAND], "one of the arguments --eps --keep --ranks --params --flops --max-error --plan is required"),
        ([*COMMAND, "--eps", ".1", "--keep", ".5"], "not allowed with argument"),
        ([*COMMAND, "--eps", "tiny"], "argument --eps: invalid float value: 'tiny'"),
        ([*COMMAND, "--ranks", "9;7"], "argument --ranks: must be integers like 64,64, got '9;7'"),
        (["compress", "model.npz", "--keep", ".5"], "the following arguments are required: --data, -o/--out"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_status_two(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    err = capsys.readouterr().err
    assert stop.value.code == 2
    assert message in err
    assert err.count("\n") == 1


def test_a_warning_is_one_line_too(folder, capsys):
    np.save("X.npy", np.load("X.npy")[:10])
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert main([*COMMAND, "--keep", "0.9"]) == 0
    assert "rrqr: warning: layers[0] has 20 columns but the samples give only 10 rows" in capsys.readouterr().err


def test_an_interrupt_is_status_130_and_leaves_nothing(folder, monkeypatch, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(rrqr_lapack.prune, "apply", interrupt)
    assert main([*COMMAND, "--keep", "0.5"]) == 130
    assert capsys.readouterr().err.endswith("rrqr: interrupted\n")
    assert set(os.listdir()) == {"model.npz", "X.npy"}


@pytest.mark.skipif(os.name != "posix", reason="Windows sends Ctrl-C to the whole console, pytest included")
def test_ctrl_c_stops_the_demo_with_status_130_and_leaves_nothing(tmp_path):
    command = [sys.executable, "-u", "-m", "rrqr_lapack", "demo", "-o", str(tmp_path / "out")]
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a background job's children ignore Ctrl-C
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, preexec_fn=heed, **pipes) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert (process.returncode, err) == (130, "rrqr: interrupted\n")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="what a pipe without a reader does is said by POSIX")
@pytest.mark.parametrize("buffering", ["", "1"])
def test_nobody_reading_on_is_no_error_in_words(folder, buffering):
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "rrqr_lapack", *COMMAND, "--keep", "0.5"]
    environment = {**os.environ, "PYTHONUNBUFFERED": buffering}
    result = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, env=environment)
    os.close(writer)
    assert (result.returncode, result.stderr) == (141, "")
    assert os.path.exists("small.npz")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a file that is always full")
@pytest.mark.parametrize("buffering", ["", "1"])
def test_a_full_disk_behind_the_output_is_one_line(folder, buffering):
    command = [sys.executable, "-m", "rrqr_lapack", *COMMAND, "--keep", "0.5"]
    environment = {**os.environ, "PYTHONUNBUFFERED": buffering}
    with open("/dev/full", "w") as full:
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, env=environment)
    assert result.returncode == 1
    assert result.stderr.startswith("rrqr: error: ") and result.stderr.count("\n") == 1


@pytest.mark.parametrize("command", [["rrqr"], [sys.executable, "-m", "rrqr_lapack"]], ids=["rrqr", "python -m"])
def test_the_command_says_its_version(command, monkeypatch):
    monkeypatch.setenv("PATH", os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]))
    result = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
    assert result.stdout == f"rrqr {rrqr_lapack.__version__}\n"


def test_without_rich_compress_runs_without_a_bar(folder, monkeypatch, capsys):
    for module in ("rich", "rich.console", "rich.progress", "rich.table"):
        monkeypatch.setitem(sys.modules, module, None)
    assert main([*COMMAND, "--keep", "0.5"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.isascii()


def test_without_safetensors_the_cure_is_said_before_the_work(folder, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setattr(rrqr_lapack.prune, "Analysis", None)
    assert main([*COMMAND[:-1], "small.safetensors", "--keep", "0.5"]) == 1
    assert 'pip install "rrqr-lapack[prune]"' in capsys.readouterr().err


@pytest.fixture
def carried(tmp_path, monkeypatch):
    """A folder to work in; the full Fashion-MNIST is out of sight."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fashion_mnist, "DEBIAN_DIR", tmp_path / "none")


FILES = {
    "accuracy-first-layer.png",
    "accuracy-whole-model.png",
    "error-first-layer.png",
    "error-kernel.png",
    "demo.json",
}


def test_demo_prints_the_tables_and_writes_the_plots(carried, capsys):
    assert main(["demo", "-o", "out"]) == 0
    out = capsys.readouterr().out
    assert "2,000 test images:\nthe first 2,000 of the 10,000 test images, which the package carries" in out
    assert set(os.listdir("out")) == FILES
    assert {os.path.basename(line.strip()) for line in out.splitlines()[-len(FILES) :]} == FILES
    for name in FILES - {"demo.json"}:
        with open(f"out/{name}", "rb") as file:
            assert file.read(8) == b"\x89PNG\r\n\x1a\n"
    with open("out/demo.json", encoding="utf-8") as file:
        numbers = json.load(file)
    assert numbers["accuracy"] > 0.88
    for study in ("first layer", "whole model"):
        by_eps, by_fraction = numbers[study]["eps"], numbers[study]["keep"]
        assert [point["eps"] for point in by_eps] == list(demo.EPS)
        assert [point["keep"] for point in by_fraction] == list(demo.KEEP)
        half = by_fraction[demo.KEEP.index(0.5)]
        assert half["fraction"] == 0.5
        corrected = [scheme for scheme in half["accuracy"] if "alone" not in scheme]
        for scheme in corrected:
            assert half["accuracy"][scheme] > numbers["accuracy"] - 0.005  # less than half a point lost
        for point in (*by_eps, *by_fraction):
            assert list(point["accuracy"]) == list(demo.SCHEMES)
            assert f"{point['parameters']:,}" in out
            for value in point["accuracy"].values():
                assert f"{value:.2%}" in out
    for scheme in ("ID alone", "magnitude alone"):
        assert half["accuracy"][scheme] < numbers["accuracy"] - 0.2
    tenth = by_fraction[demo.KEEP.index(0.1)]["accuracy"]
    order = ["forward, affine, refitted", "ID, corrected", "magnitude, corrected", "magnitude alone"]
    assert sorted(order, key=tenth.get, reverse=True) == order
    for curve in numbers["errors"].values():
        qr, svd = np.array(curve["pivoted_qr"]), np.array(curve["svd"])
        assert (svd <= qr * (1 + 1e-6) + 1e-15).all()
        assert (qr[: len(qr) // 2] <= 4 * svd[: len(qr) // 2]).all()


def full_set(folder, count):
    """The four files of Fashion-MNIST with so many test images, of nothing."""
    folder.mkdir()
    for name, shape in (("images-idx3", (count, 28, 28)), ("labels-idx1", (count,))):
        header = struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape)
        (folder / f"t10k-{name}-ubyte.gz").write_bytes(gzip.compress(header + bytes(math.prod(shape))))
    return folder


def test_demo_says_which_images_it_uses_where_the_full_set_is(carried, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(demo, "BUDGETS", ({"eps": 0.1}, {"keep": 0.1}))
    monkeypatch.setattr(demo, "EPS", (0.1,))
    monkeypatch.setattr(fashion_mnist, "DEBIAN_DIR", full_set(tmp_path / "debian", 7))
    for options, folder, count in (
        ([], "debian", 7),
        (["--data-dir", str(full_set(tmp_path / "mine", 5))], "mine", 5),
    ):
        assert main(["demo", "-o", "out", "--force", *options]) == 0
        source = f"all test images of {tmp_path / folder}"
        assert f"{count} test images:\n{source}\n" in capsys.readouterr().out
        with open("out/demo.json", encoding="utf-8") as file:
            assert json.load(file)["source"] == source


def test_demo_shows_how_far_it_is(carried, monkeypatch, tmp_path):
    monkeypatch.setattr(demo, "BUDGETS", ({"eps": 0.1}, {"keep": 0.1}))
    monkeypatch.setattr(demo, "EPS", (0.1,))
    monkeypatch.setattr(fashion_mnist, "DEBIAN_DIR", full_set(tmp_path / "debian", 7))
    seen = []
    demo.run("out", watch=lambda: contextlib.nullcontext(lambda *step: seen.append(step)))
    total = 2 * len(demo.SCHEMES)
    expected = [
        (f"compressing the {what}", i + 1, total) for what in ("first layer", "whole model") for i in range(total)
    ]
    assert seen == expected


@pytest.mark.parametrize("existing", sorted(FILES))
def test_demo_replaces_nothing_without_force(carried, existing, capsys):
    os.mkdir("out")
    spoil(f"out/{existing}", b"mine")
    assert main(["demo", "-o", "out"]) == 1
    assert re.fullmatch(
        r"rrqr: error: out.+ exists and is not overwritten; --force replaces it\n", capsys.readouterr().err
    )
    assert os.listdir("out") == [existing]


def test_demo_takes_a_folder_only_for_a_folder(carried, capsys):
    spoil("out", b"mine")
    assert main(["demo", "-o", "out"]) == 1
    assert capsys.readouterr().err == "rrqr: error: out is a file; give a folder\n"


def test_demo_names_what_is_missing_of_the_full_set(carried, capsys):
    assert main(["demo", "--data-dir", "."]) == 1
    assert "t10k-images-idx3-ubyte.gz is not there" in capsys.readouterr().err
    assert os.listdir() == []


def test_demo_without_matplotlib_says_the_cure(carried, monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "rrqr_lapack.prune._command.plots", raising=False)
    monkeypatch.delattr("rrqr_lapack.prune._command.plots", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["demo"]) == 1
    assert 'pip install "rrqr-lapack[prune]"' in capsys.readouterr().err
    assert os.listdir() == []
