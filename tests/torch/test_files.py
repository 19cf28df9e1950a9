"""Smaller torch models in files: all of it comes back, and nothing else."""

import json
import os
import pickle

import numpy as np
import pytest

from rrqr_lapack.prune import Plan

torch = pytest.importorskip("torch", reason="the face of torch needs torch, an extra")
safetensors = pytest.importorskip("safetensors.torch")
models = pytest.importorskip("torch_models")
prune = pytest.importorskip("rrqr_lapack.prune.torch")
nn = torch.nn


def smaller(kind, dtype=torch.float32):
    """A compressed model, its plan, and a function that draws samples."""
    model, draw = models.made(kind, dtype)
    analysis = prune.analyze(model, draw(64))
    plan = prune.plan(analysis, keep=0.5)
    return prune.apply(analysis, plan), plan, draw


@pytest.mark.parametrize("kind", models.INPUTS, ids=lambda kind: kind.__name__)
def test_what_is_saved_comes_back_into_an_instance_of_the_original_class(kind, tmp_path):
    small, plan, draw = smaller(kind)
    prune.save(small, tmp_path / "small.safetensors", plan=plan)
    again = prune.load(kind(), tmp_path / "small.safetensors")
    assert repr(again) == repr(small)
    x = draw(5)
    with torch.no_grad():
        assert torch.equal(again(x), small(x))
    assert Plan.from_json(tmp_path / "small.json") == plan
    assert sorted(os.listdir(tmp_path)) == ["small.json", "small.safetensors"]


def test_a_model_on_the_meta_device_is_enough(tmp_path):
    small, _, draw = smaller(models.convolutions)
    prune.save(small, tmp_path / "small.safetensors")
    with torch.device("meta"):
        empty = models.convolutions()
    x = draw(5)
    with torch.no_grad():
        assert torch.equal(prune.load(empty, tmp_path / "small.safetensors")(x), small(x))
    assert next(empty.parameters()).is_meta


class Buffered(nn.Module):
    """Buffers along the units that a state_dict leaves out, views of one table."""

    def __init__(self):
        super().__init__()
        self.up, self.down = nn.Linear(6, 20), nn.Linear(20, 3)
        table = torch.linspace(0.5, 1.5, 30)
        self.register_buffer("scale", table[:20], persistent=False)
        self.register_buffer("shift", table[10:], persistent=False)

    def forward(self, x):
        return self.down(torch.tanh(self.up(x) * self.scale + self.shift))


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_buffers_that_a_state_dict_leaves_out_come_back(tmp_path, device):
    torch.manual_seed(0)
    model = Buffered()
    analysis = prune.analyze(model, torch.randn(100, 6))
    for keep in (1.0, 0.5):
        small = prune.apply(analysis, prune.plan(analysis, keep=keep))
        prune.save(small, tmp_path / "small.safetensors", overwrite=True)
        with torch.device(device):
            empty = Buffered()
        x = torch.randn(5, 6)
        with torch.no_grad():
            assert torch.equal(prune.load(empty, tmp_path / "small.safetensors")(x), small(x))
    prune.save(model, tmp_path / "whole.safetensors")
    assert torch.equal(prune.load(Buffered(), tmp_path / "whole.safetensors").shift, model.shift)


def test_the_dtype_is_that_of_the_file(tmp_path):
    small, _, _ = smaller(models.dense)
    prune.save(small.half(), tmp_path / "half.safetensors")
    assert {p.dtype for p in prune.load(models.dense(), tmp_path / "half.safetensors").parameters()} == {torch.float16}


def test_factored_layers_come_back(tmp_path):
    model, draw = models.made(models.convolutions, torch.float32)
    small, report = prune.factorize(model, ranks={"5": 3, "10": 2})
    prune.save(small, tmp_path / "small.safetensors", plan=report)
    again = prune.load(models.convolutions(), tmp_path / "small.safetensors")
    assert repr(again) == repr(small)
    x = draw(5)
    with torch.no_grad():
        assert torch.equal(again(x), small(x))
    assert json.loads((tmp_path / "small.json").read_text())["layers"][0]["rank"] == 3


def test_shared_weights_are_stored_once_and_shared_again(tmp_path):
    def shared():
        model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 4), nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))
        model[3].weight = model[0].weight
        return model

    analysis = prune.analyze(shared(), torch.randn(50, 4))
    small = prune.apply(analysis, prune.plan(analysis, keep=0.5))
    prune.save(small, tmp_path / "small.safetensors")
    again = prune.load(shared(), tmp_path / "small.safetensors")
    assert again[3].weight is again[0].weight
    assert torch.equal(again[0].weight, small[0].weight)


def test_an_existing_file_is_replaced_only_when_asked(tmp_path):
    small, plan, _ = smaller(models.dense)
    for name in ("small.safetensors", "small.json"):
        (tmp_path / name).write_text("mine")
        with pytest.raises(FileExistsError, match=rf"{name} exists and is not overwritten"):
            prune.save(small, tmp_path / "small.safetensors", plan=plan)
        assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]
        (tmp_path / name).unlink()
    prune.save(small, tmp_path / "small.safetensors", plan=plan)
    prune.save(small, tmp_path / "small.safetensors", plan=plan, overwrite=True)


def test_nothing_half_written_is_left(tmp_path, monkeypatch):
    small, plan, _ = smaller(models.dense)

    def fail(*_, **__):
        raise KeyboardInterrupt

    for module in (safetensors, type(plan)):
        with monkeypatch.context() as patch:
            patch.setattr(module, "save" if module is safetensors else "to_json", fail)
            with pytest.raises(KeyboardInterrupt):
                prune.save(small, tmp_path / "small.safetensors", plan=plan)
        assert os.listdir(tmp_path) == []


def test_a_file_of_another_model_is_refused_with_the_names(tmp_path):
    small, _, _ = smaller(models.dense)
    prune.save(small, tmp_path / "small.safetensors")
    with pytest.raises(
        ValueError, match=r"path must hold the tensors of this model, got .*, which lacks .*blocks\.0\.bn1"
    ):
        prune.load(models.Residual(), tmp_path / "small.safetensors")
    with pytest.raises(ValueError, match=r"path must hold 0\.weight with 4 axes, as the model has it, got .* with 2"):
        prune.load(nn.Sequential(nn.Conv2d(1, 1, 1), *models.dense()[1:]), tmp_path / "small.safetensors")


def test_what_is_no_such_file_is_refused(tmp_path):
    model, path = models.dense(), tmp_path / "a.safetensors"
    with pytest.raises(ValueError, match=r"path must end in \.safetensors, got .*a\.pt"):
        prune.load(model, tmp_path / "a.pt")
    with pytest.raises(FileNotFoundError, match=r"a\.safetensors is not there"):
        prune.load(model, path)
    path.write_bytes(pickle.dumps({"x": 1}))
    with pytest.raises(ValueError, match=r"path must be a readable \.safetensors file, got .*: "):
        prune.load(model, path)
    safetensors.save_file(model.state_dict(), path)
    with pytest.raises(ValueError, match=r"path must be a model that rrqr_lapack\.prune\.torch\.save wrote"):
        prune.load(model, path)


def test_what_is_no_module_is_neither_saved_nor_loaded_into(tmp_path):
    with pytest.raises(TypeError, match=r"model must be a torch\.nn\.Module, got OrderedDict"):
        prune.save(models.dense().state_dict(), tmp_path / "a.safetensors")
    prune.save(models.dense(), tmp_path / "a.safetensors")
    with pytest.raises(TypeError, match=r"model must be a torch\.nn\.Module, got function"):
        prune.load(models.dense, tmp_path / "a.safetensors")


def test_a_file_sets_nothing_but_numbers_that_are_there(tmp_path):
    """A file from elsewhere can neither add attributes nor replace what is no integer."""
    small, _, _ = smaller(models.dense)
    prune.save(small, tmp_path / "small.safetensors")
    tensors = safetensors.load_file(tmp_path / "small.safetensors")
    with safetensors.safe_open(tmp_path / "small.safetensors", "pt") as file:
        description = json.loads(file.metadata()["model"])
    description["modules"]["0"] |= {"forward": 1, "new": 2, "in_features": "text", "training": 0}
    safetensors.save_file(tensors, tmp_path / "b.safetensors", metadata={"model": json.dumps(description)})
    again = prune.load(models.dense(), tmp_path / "b.safetensors")
    assert callable(again[0].forward) and not hasattr(again[0], "new") and again[0].in_features == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: [], "path must be a model that rrqr_lapack.prune.torch.save wrote"),
        (lambda d: {"format": d["format"]}, "path must describe this model, got .*, damaged or of another: "),
        (
            lambda d: {**d, "modules": {"other": {"in_features": 3}}},
            "path must describe this model, got .*, damaged or of another: .*other",
        ),
        (lambda d: {**d, "modules": {"0": [1]}}, "path must describe this model, got .*, damaged or of another: "),
        (
            lambda d: {**d, "factored": ["other"]},
            "path must describe this model, got .*, damaged or of another: .*other",
        ),
        (lambda d: {**d, "factored": [3, "1"]}, "tensors must hold the factors of 3, got none"),
        (lambda d: {**d, "config": [1]}, "path must describe this model, got .*, damaged or of another: "),
    ],
)
def test_a_damaged_description_is_refused_in_words(tmp_path, change, message):
    small, _, _ = smaller(models.dense)
    prune.save(small, tmp_path / "small.safetensors")
    tensors = safetensors.load_file(tmp_path / "small.safetensors")
    with safetensors.safe_open(tmp_path / "small.safetensors", "pt") as file:
        description = change(json.loads(file.metadata()["model"]))
    safetensors.save_file(tensors, tmp_path / "b.safetensors", metadata={"model": json.dumps(description)})
    with pytest.raises(ValueError, match=message):
        prune.load(models.dense(), tmp_path / "b.safetensors")


def test_saved_sizes_are_exact_for_widths_that_no_convention_would_guess(tmp_path):
    model, draw = models.made(models.Strided, torch.float32)
    analysis = prune.analyze(model, draw(64))
    small = prune.apply(analysis, prune.plan(analysis, ranks={"conv": 7}))
    prune.save(small, tmp_path / "small.safetensors")
    again = prune.load(models.Strided(), tmp_path / "small.safetensors")
    assert again.in_features == again.classifier.in_features == 35
    np.testing.assert_array_equal(again(draw(2)).shape, (2, 3))
