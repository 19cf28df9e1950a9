"""``rrqr compress`` and ``rrqr plan`` on checkpoints of PyTorch."""

import importlib
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from rrqr_lapack.prune._command.cli import main

torch = pytest.importorskip("torch", reason="the face of torch needs torch, an extra")
safetensors = pytest.importorskip("safetensors.torch")
prune = pytest.importorskip("rrqr_lapack.prune.torch")

CODE = """
import torch

class Encoder(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.down = torch.nn.Linear(6, 20), torch.nn.Linear(20, 3)

    def forward(self, x, scale=1.0):
        return self.down(torch.tanh(self.up(x) * scale))

def number():
    return 3

def broken():
    raise RuntimeError("no weights here")

class Other(Encoder):
    def forward(self, x):
        return {}["key"]

class Late(Encoder):
    def forward(self, x):
        if len(x) > 4:
            raise RuntimeError("out of memory")
        return super().forward(x)
"""


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A folder with code, checkpoints in three forms and samples; the model."""

    monkeypatch.chdir(tmp_path)
    (tmp_path / "encoder_code.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    torch.manual_seed(0)
    model = importlib.import_module("encoder_code").Encoder()
    torch.save(model.state_dict(), "model.pt")
    torch.save({"state_dict": model.state_dict(), "epoch": 3}, "model.pth")
    safetensors.save_file(model.state_dict(), "model.safetensors")
    X = torch.randn(200, 6).numpy()
    np.save("X.npy", X)
    np.savez("X.npz", x=X, scale=np.float32(1.0))
    return model


STREAM = """
import torch


class Stream(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.up, self.down = torch.nn.Linear(4, 12), torch.nn.Linear(12, 16), torch.nn.Linear(16, 12)
        self.head = torch.nn.Linear(12, 3)

    def forward(self, x):
        x = self.stem(x)
        return self.head(torch.tanh(x + self.down(torch.tanh(self.up(x)))))
"""


def command(checkpoint, *options, data="X.npy", out="small.safetensors"):
    """The arguments."""
    return ["compress", checkpoint, "--class", "encoder_code:Encoder", "--data", data, "-o", out, *options]


@pytest.mark.parametrize("data", ["X.npy", "X.npz"])
@pytest.mark.parametrize("checkpoint", ["model.pt", "model.pth", "model.safetensors"])
def test_a_checkpoint_is_compressed_as_by_the_functions(model, checkpoint, data, capsys):
    assert main(command(checkpoint, "--keep", ".5", data=data)) == 0
    assert "wrote small.safetensors small.json" in capsys.readouterr().out
    analysis = prune.analyze(model, np.load("X.npy"))
    expected = prune.apply(analysis, prune.plan(analysis, keep=0.5))
    small = prune.load(type(model)(), "small.safetensors")
    assert small.up.out_features == 10
    assert all(torch.equal(value, expected.state_dict()[name]) for name, value in small.state_dict().items())
    assert os.path.exists("small.json")


def test_what_is_compressed_can_be_compressed_again(model, capsys):
    assert main(command("model.pt", "--keep", ".5")) == 0
    assert main(command("small.safetensors", "--keep", ".5", out="smaller.safetensors")) == 0
    assert prune.load(type(model)(), "smaller.safetensors").up.out_features == 5
    capsys.readouterr()


def test_residual_streams_and_the_batch_size_are_options(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stream_code.py").write_text(STREAM)
    monkeypatch.syspath_prepend(tmp_path)
    stream = importlib.import_module("stream_code").Stream()
    torch.save(stream.state_dict(), "stream.pt")
    np.save("X.npy", np.random.default_rng(0).standard_normal((90, 4)).astype(np.float32))
    given = ["--class", "stream_code:Stream", "--data", "X.npy", "--keep", ".5", "-o", "small.safetensors"]
    assert main(["compress", "stream.pt", *given, "--residual", "--batch-size", "30"]) == 0
    small = prune.load(type(stream)(), "small.safetensors")
    assert (small.stem.out_features, small.up.out_features) == (6, 8)
    assert main(["compress", "net.npz", "--data", "X.npy", "--keep", ".5", "-o", "o.npz", "--residual"]) == 1
    assert "option --residual must be for PyTorch, with --class" in capsys.readouterr().err


def test_a_plan_is_made_and_followed(model, capsys):
    assert (
        main(
            ["plan", "model.pt", "--class", "encoder_code:Encoder", "--data", "X.npy", "--params", ".6", "-o", "p.json"]
        )
        == 0
    )
    assert main(command("model.pt", "--plan", "p.json", "--refit")) == 0
    small = prune.load(type(model)(), "small.safetensors")
    assert sum(p.numel() for p in small.parameters()) <= 0.6 * sum(p.numel() for p in model.parameters())
    capsys.readouterr()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compress", "model.pt", "--data", "X.npy", "--keep", ".5", "-o", "s.safetensors"], "give --class, its model"),
        (
            command("X.npy", "--keep", ".5"),
            "path must end in .pt, .pth, .ckpt, .bin, .safetensors, .index.json with --class, got X.npy",
        ),
        (command("none.pt", "--keep", ".5"), "none.pt"),
        (command("evil.pt", "--keep", ".5"), "path must be a checkpoint of tensors alone, got evil.pt"),
        (command("old.pt", "--keep", ".5"), "path must be a checkpoint of tensors alone, got old.pt"),
        (
            command("empty.pt", "--keep", ".5"),
            "path must be a checkpoint of tensors alone, got empty.pt, which is damaged or holds more; torch.save(",
        ),
        (command("junk.pt", "--keep", ".5"), "path must be a checkpoint of tensors alone, got junk.pt"),
        (command("folder.pt", "--keep", ".5"), "folder.pt"),
        (
            command("list.pt", "--keep", ".5"),
            "path must hold weights, as a state_dict is a dict of tensors, got list.pt",
        ),
        (command("other.pt", "--keep", ".5"), "path must hold the weights of encoder_code:Encoder, got other.pt"),
        (command("model.pt", "--keep", ".5", out="small.pt"), "path must end in .safetensors, got small.pt"),
        ([*command("model.pt", "--keep", ".5"), "--class", "encoder_code"], "option --class must be MODULE:NAME"),
        ([*command("model.pt", "--keep", ".5"), "--class", "encoder_code:None"], "encoder_code has no None"),
        (
            [*command("model.pt", "--keep", ".5"), "--class", "encoder_code:number"],
            "option --class must make a torch.nn.Module, got 'encoder_code:number', which makes a int",
        ),
        ([*command("model.pt", "--keep", ".5"), "--class", "no_such:x"], "No module named 'no_such'"),
        ([*command("model.pt", "--keep", ".5"), "--class", "wrong_code:x"], "but wrong_code fails: SyntaxError"),
        (
            [*command("model.pt", "--keep", ".5"), "--class", "encoder_code:broken"],
            "must make a model without arguments, got 'encoder_code:broken': RuntimeError: no weights here",
        ),
        (
            [*command("model.pt", "--keep", ".5"), "--class", "encoder_code:torch"],
            "option --class must make a model without arguments",
        ),
        (
            [*command("model.pt", "--keep", ".5"), "--class", "encoder_code:Other"],
            "calibration must be what the model runs on, got",
        ),
        ([*command("model.pt", "--keep", ".5"), "--class", "encoder_code:Late"], "error: out of memory"),
        (command("model.pt", "--keep", ".5", data="wide.npy"), "RuntimeError: mat1 and mat2 shapes"),
        (command("model.pt", "--keep", ".5", data="model.pt"), "path must be a readable .npy file, got model.pt"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_nothing_is_written(model, arguments, message, capsys):
    class Evil:
        """Runs code when it is unpickled."""

        def __reduce__(self):
            return os.mkdir, ("evil",)

    torch.save({"weight": Evil()}, "evil.pt")
    Path("old.pt").write_bytes(pickle.dumps({"weight": Evil()}))
    Path("empty.pt").touch()
    Path("junk.pt").write_bytes(b"\x80\x02junk" * 30)
    Path("folder.pt").mkdir()
    Path("wrong_code.py").write_text("x =")
    np.save("wide.npy", np.ones((30, 7), np.float32))
    torch.save([1, 2], "list.pt")
    torch.save({"weight": torch.ones(3)}, "other.pt")
    before = set(os.listdir())
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and "weights_only" not in error
    assert set(os.listdir()) - {"__pycache__"} == before - {"__pycache__"}


def test_the_plan_beside_the_weights_is_an_output_like_others(model, capsys, monkeypatch):
    from rrqr_lapack.prune import Analysis

    with monkeypatch.context() as patch:
        patch.setattr(Analysis, "__init__", lambda *_, **__: pytest.fail("work began"))
        Path("small.json").write_text("mine")
        assert main(command("model.pt", "--keep", ".5")) == 1
        assert "small.json exists and is not overwritten; --force replaces it" in capsys.readouterr().err
        assert Path("small.json").read_text() == "mine"
        assert main(command("model.pt", "--keep", ".5", "--report", "small.json", "--force")) == 1
        assert "paths must be different files, got small.json twice" in capsys.readouterr().err
    assert main(command("model.pt", "--keep", ".5", "--force")) == 0
    assert "wrote small.safetensors small.json" in capsys.readouterr().out
