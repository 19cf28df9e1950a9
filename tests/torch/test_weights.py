"""Checkpoints as training scripts and libraries write them: prefixes, wrappers, tied weights, dtypes."""

import sys
from collections import OrderedDict
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="the face of torch needs torch, an extra")
safetensors = pytest.importorskip("safetensors.torch")
weights = pytest.importorskip("rrqr_lapack.prune.torch._weights")
prune = pytest.importorskip("rrqr_lapack.prune.torch")
nn = torch.nn


class Tied(nn.Module):
    """An embedding whose table is the last layer's weights too."""

    def __init__(self, seed=1):
        super().__init__()
        torch.manual_seed(seed)
        self.e, self.up, self.down = nn.Embedding(9, 4), nn.Linear(4, 12), nn.Linear(12, 4)
        self.h = nn.Linear(4, 9, bias=False)
        self.h.weight = self.e.weight

    def forward(self, x):
        return self.h(self.down(torch.relu(self.up(self.e(x)))))


STATE = Tied(0).state_dict()


def once():
    """The weights as they are stored once."""
    return {name: tensor for name, tensor in STATE.items() if name != "h.weight"}


def under(prefix, state=STATE):
    """The weights with a prefix."""
    return OrderedDict((prefix + name, tensor) for name, tensor in state.items())


def same(model):
    """Whether a model has the weights."""
    return all(torch.equal(tensor, STATE[name]) for name, tensor in model.state_dict().items())


CHECKPOINTS = {
    "plain": (STATE, None),
    "tied weights stored once": (once(), None),
    "tied weights stored once, under the other name": (under("", {**once(), "h.weight": STATE["e.weight"]}), None),
    "module.": (under("module."), "those under 'module.'"),
    "_orig_mod.": (under("_orig_mod."), "those under '_orig_mod.'"),
    "module._orig_mod.": (under("module._orig_mod."), "those under 'module._orig_mod.'"),
    "model.": (under("model.", once()), "those under 'model.'"),
    "state_dict": ({"state_dict": STATE, "epoch": 3}, "those under 'state_dict.'"),
    "model": ({"model": once(), "args": {"lr": 0.1}}, "those under 'model.'"),
    "net": ({"net": under("module."), "acc": 0.9}, "those under 'net.module.'"),
    "wrapped twice": ({"state_dict": under("model."), "loss": torch.ones(3)}, "1 others are left out (loss)"),
    "optimizer": (
        {"model_state_dict": STATE, "optimizer": {"state": {0: {"exp_avg": torch.ones(9, 4)}}, "param_groups": [{}]}},
        "1 others are left out (optimizer.state.0.exp_avg)",
    ),
    "another part of the model beside": (under("net.") | {"loss.weight": torch.ones(2)}, "those under 'net.'"),
    "a part compiled": (
        {name.replace("up.", "up._orig_mod."): tensor for name, tensor in STATE.items()},
        "without _orig_mod and module in names",
    ),
}


@pytest.mark.parametrize(("checkpoint", "note"), CHECKPOINTS.values(), ids=CHECKPOINTS)
@pytest.mark.parametrize("suffix", [".pt", ".ckpt", ".bin"])
def test_what_stands_before_the_names_is_stripped_and_said(tmp_path, checkpoint, note, suffix):
    path = tmp_path / f"a{suffix}"
    torch.save(checkpoint, path)
    model = Tied()
    said = weights.fit_weights(model, path)
    assert same(model) and model.h.weight is model.e.weight
    assert said is None if note is None else note in said and str(path) in said


def test_what_save_model_writes_is_read_also_into_a_model_that_does_not_tie(tmp_path):
    model = Tied(0)
    safetensors.save_model(model, tmp_path / "a.safetensors")
    for other in (Tied(), Tied()):
        weights.fit_weights(other, tmp_path / "a.safetensors")
        assert same(other)
    other.h.weight = nn.Parameter(torch.zeros(9, 4))
    weights.fit_weights(other, tmp_path / "a.safetensors")
    assert same(other)


def test_what_save_pretrained_writes_is_read(tmp_path):
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(n_embd=8, n_head=2, n_layer=1, vocab_size=11, n_positions=6)
    model = transformers.GPT2LMHeadModel(config)
    model.save_pretrained(tmp_path)
    other = transformers.GPT2LMHeadModel(config)
    assert weights.fit_weights(other, tmp_path / "model.safetensors") is None
    assert all(torch.equal(one, other.state_dict()[name]) for name, one in model.state_dict().items())
    inner = transformers.GPT2Model(config)
    assert "those under 'transformer.'" in weights.fit_weights(inner, tmp_path / "model.safetensors")
    assert torch.equal(inner.wte.weight, model.transformer.wte.weight)


def test_what_save_pretrained_splits_is_read_by_its_index(tmp_path):
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(n_embd=8, n_head=2, n_layer=1, vocab_size=11, n_positions=6)
    model, other = transformers.GPT2LMHeadModel(config), transformers.GPT2LMHeadModel(config)
    model.save_pretrained(tmp_path, max_shard_size=1000)
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    index = tmp_path / "model.safetensors.index.json"
    assert weights.fit_weights(other, index) is None
    assert all(torch.equal(one, other.state_dict()[name]) for name, one in model.state_dict().items())
    for text in ("[]", "no", '{"weight_map": 3}', '{"weight_map": {"a": "model.safetensors.index.json"}}'):
        index.write_text(text)
        with pytest.raises(ValueError, match="path must be an index of a model's files, got"):
            weights.fit_weights(other, index)


@pytest.mark.parametrize(
    "dtype", [torch.bfloat16, torch.float16, torch.float64, torch.float8_e4m3fn, torch.float8_e5m2]
)
def test_any_floating_point_type_is_read_in_the_dtype_of_the_model(tmp_path, dtype):
    narrow = {name: tensor.to(dtype) for name, tensor in once().items()}
    torch.save(narrow, tmp_path / "a.pt")
    safetensors.save_file(narrow, tmp_path / "a.safetensors")
    for name in ("a.pt", "a.safetensors"):
        model = Tied()
        weights.fit_weights(model, tmp_path / name)
        assert model.up.weight.dtype == torch.float32
        assert torch.equal(model.up.weight, STATE["up.weight"].to(dtype).float())


def test_a_model_inside_a_wrapper_takes_the_weights_of_the_plain_one(tmp_path):
    torch.save(STATE, tmp_path / "a.pt")
    model = Tied()
    wrapped = nn.Sequential(OrderedDict(module=model))
    assert weights.fit_weights(wrapped, tmp_path / "a.pt") is None or same(model)
    assert same(model)


def test_the_weights_in_two_places_are_refused(tmp_path):
    torch.save({"model": STATE, "ema": {name: tensor + 1 for name, tensor in STATE.items()}}, tmp_path / "a.pt")
    with pytest.raises(
        ValueError,
        match=r"path must hold the weights of the model once, got .* with 2 places, 'model\.', 'ema\.'; keep one",
    ):
        weights.fit_weights(Tied(), tmp_path / "a.pt")


def test_weights_of_another_model_are_counted_and_the_first_named(tmp_path):
    other = {f"blocks.{i}.weight": torch.ones(2) for i in range(100)}
    torch.save(
        {"state_dict": {**STATE, **other, "up.weight": torch.ones(13, 4), "up.bias": torch.ones(13)}}, tmp_path / "a.pt"
    )
    with pytest.raises(ValueError) as caught:
        weights.fit_weights(Tied(), tmp_path / "a.pt", "code:Tied")
    assert str(caught.value).endswith(
        "a.pt: 100 not the model's (blocks.0.weight, blocks.1.weight, "
        "blocks.2.weight and 97 more); 2 of another shape (up.weight: (13, 4) in place of (12, 4), "
        "up.bias: (13,) in place of (12,))"
    )
    torch.save({"model.e.weight": STATE["e.weight"]}, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"4 missing \(up\.weight, up\.bias, down\.weight and 1 more\)$"):
        weights.fit_weights(Tied(), tmp_path / "a.pt")


def test_parts_of_the_same_form_are_not_taken_for_one_another(tmp_path):
    torch.save(nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)).state_dict(), tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"with 2 places, '0\.', '1\.'"):
        weights.fit_weights(nn.Linear(3, 3), tmp_path / "a.pt")


def test_tied_weights_and_half_precision_are_saved_and_come_back(tmp_path):
    model = Tied(0).bfloat16()
    x = torch.randint(9, (18, 5))
    analysis = prune.analyze(model, list(x.split(3)))
    small = prune.apply(analysis, prune.plan(analysis, keep=0.5))
    prune.save(small, tmp_path / "small.safetensors")
    again = prune.load(Tied(), tmp_path / "small.safetensors")
    assert again.h.weight is again.e.weight and again.e.weight.dtype == torch.bfloat16
    untied = Tied()
    untied.h.weight = nn.Parameter(torch.zeros(9, 4))
    untied = prune.load(untied, tmp_path / "small.safetensors")
    with torch.no_grad():
        assert torch.equal(again(x), small(x)) and torch.equal(untied(x), small(x))


def test_a_wrapped_model_is_saved_as_the_module_inside(tmp_path):
    model = Tied(0)
    compiled = SimpleNamespace(_orig_mod=model)
    from rrqr_lapack.prune.torch._samples import unwrapped

    assert unwrapped(nn.DataParallel(model)) is model and unwrapped(compiled) is model
    prune.save(nn.DataParallel(model), tmp_path / "a.safetensors")
    assert same(prune.load(Tied(), tmp_path / "a.safetensors"))


def test_checkpoints_in_bfloat16_are_compressed_from_the_shell(tmp_path, monkeypatch, capsys):
    from rrqr_lapack.prune._command.cli import main

    monkeypatch.chdir(tmp_path)
    code = "from torch.nn import *\nmake = lambda: Sequential(Linear(3, 8), ReLU(), Linear(8, 2))\n"
    (tmp_path / "bf_code.py").write_text(code)
    model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))
    half = {f"module.{name}": tensor.bfloat16() for name, tensor in model.state_dict().items()}
    safetensors.save_file(half, "a.safetensors")
    import numpy as np

    np.save("X.npy", np.random.default_rng(0).standard_normal((100, 3), np.float32))
    command = ["compress", "a.safetensors", "--data", "X.npy", "--keep", ".5", "-o", "b.safetensors"]
    assert main([*command, "--class", "bf_code:make"]) == 0
    assert capsys.readouterr().err == "rrqr: a.safetensors: the weights are those under 'module.'\n"
    sys.modules.pop("bf_code", None)
    assert main([*command, "--force"]) == 1
    assert "path must be a network of rrqr_lapack.prune, got" in capsys.readouterr().err
