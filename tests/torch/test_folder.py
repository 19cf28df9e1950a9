"""``rrqr compress`` on folders that `save_pretrained` wrote."""

import json
from pathlib import Path

import numpy as np
import pytest

from rrqr_lapack.prune._command.cli import main

torch = pytest.importorskip("torch", reason="the face of torch needs torch, an extra")
transformers = pytest.importorskip("transformers", reason="its folders are what is read")
tokenizers = pytest.importorskip("tokenizers")
pytest.importorskip("rrqr_lapack.prune.torch")

WORDS = [f"w{i}" for i in range(40)]


def text(count, seed=0):
    """Words in an order that has some order."""
    steps = np.random.default_rng(seed).integers(1, 4, count).cumsum()
    return " ".join(WORDS[i % len(WORDS)] for i in steps)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folders of a decoder with its tokenizer, in half precision, and of a vision transformer; samples."""
    folder = tmp_path_factory.mktemp("models")
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: i for i, word in enumerate(["<s>", "</s>", *WORDS])}, unk_token="<s>")
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", model_max_length=16
    )
    fast.save_pretrained(folder / "decoder")
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=42,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=64,
        max_position_embeddings=32,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    transformers.LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder / "decoder")
    image = transformers.ViTConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        image_size=8,
        patch_size=4,
        num_labels=3,
    )
    transformers.ViTForImageClassification(image).save_pretrained(folder / "vision")
    (folder / "vision" / "preprocessor_config.json").write_text('{"size": 8}')
    (folder / "vision" / "1_Pooling").mkdir()
    (folder / "vision" / "1_Pooling" / "config.json").write_text("{}")
    (folder / "vision" / "1_Pooling" / "pytorch_model.bin").write_text("")
    (folder / "text.txt").write_text(text(3000))
    np.save(folder / "X.npy", np.random.default_rng(0).standard_normal((120, 3, 8, 8)).astype(np.float32))
    return folder


@pytest.fixture
def folder(made, monkeypatch, tmp_path):
    """A folder of its own, in which the models are linked."""
    for each in made.iterdir():
        (tmp_path / each.name).symlink_to(each)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def compress(*arguments):
    return main(["compress", *map(str, arguments)])


def test_a_language_model_becomes_a_folder_that_transformers_loads(folder, capsys):
    status = compress("decoder", "--data", "text.txt", "--keep", 0.5, "-o", "small", "--report", "report.json")
    assert status == 0, capsys.readouterr().err
    small = transformers.AutoModelForCausalLM.from_pretrained("small")
    assert small.config.intermediate_size == 32 and small.config.num_key_value_heads == 1
    assert small.dtype == torch.bfloat16
    first = WORDS[0]
    assert transformers.AutoTokenizer.from_pretrained("small")(first).input_ids == [2]
    report, out = json.loads((folder / "report.json").read_text()), capsys.readouterr().out
    assert report["plan"]["parameters_after"] == sum(p.numel() for p in small.parameters())
    assert report["samples"] == 3000 // 16 // 8
    assert "perplexity" in out and "forward pass" in out and out.endswith("wrote small report.json\n")
    assert not [each.name for each in folder.iterdir() if each.name.startswith(".")]


def test_the_perplexity_is_that_of_the_text_that_was_not_calibrated_on(folder):
    compress("decoder", "--data", "text.txt", "--keep", 1.0, "-o", "small", "--report", "report.json")
    report = json.loads((folder / "report.json").read_text())
    model = transformers.AutoModelForCausalLM.from_pretrained("decoder", dtype=torch.float32)
    ids = transformers.AutoTokenizer.from_pretrained("decoder")(text(3000), verbose=False).input_ids
    sequences = torch.tensor(ids[: 187 * 16]).reshape(187, 16)[-23:]
    with torch.no_grad():
        expected = float(model(sequences, labels=sequences).loss.exp())
    assert report["perplexity_before"] == pytest.approx(expected, rel=1e-5)
    assert report["perplexity_after"] == pytest.approx(expected, rel=1e-5)
    assert report["output_error"] < 1e-5


def test_a_model_of_images_takes_an_array_and_says_its_relative_error(folder, capsys):
    assert compress("vision", "--data", "X.npy", "--keep", 0.5, "-o", "small", "--report", "report.json") == 0
    small = transformers.AutoModelForImageClassification.from_pretrained("small")
    assert small.config.intermediate_size == 32
    assert (folder / "small" / "preprocessor_config.json").read_text() == '{"size": 8}'
    assert [each.name for each in (folder / "small" / "1_Pooling").iterdir()] == ["config.json"]
    report = json.loads((folder / "report.json").read_text())
    assert report["perplexity_before"] is None and report["samples"] == 15
    model = transformers.AutoModelForImageClassification.from_pretrained("vision").eval()
    X = torch.tensor(np.load("X.npy")[-15:])
    with torch.no_grad():
        one, two = model(X).logits, small.eval()(X).logits
    assert report["output_error"] == pytest.approx(float((two - one).norm() / one.norm()), rel=1e-3)
    assert "relative error" in capsys.readouterr().out


def test_a_plan_that_was_read_is_applied(folder):
    assert main(["plan", "vision", "--data", "X.npy", "--keep", "0.25", "-o", "plan.json"]) == 0
    assert compress("vision", "--data", "X.npy", "--plan", "plan.json", "-o", "small") == 0
    assert transformers.AutoConfig.from_pretrained("small").intermediate_size == 16


def test_an_existing_folder_is_replaced_whole_and_only_with_force(folder, capsys):
    (folder / "small").mkdir()
    (folder / "small" / "config.json").write_text("{}")
    (folder / "small" / "old.txt").write_text("")
    arguments = "vision", "--data", "X.npy", "--keep", 0.5, "-o", "small"
    assert compress(*arguments) == 1
    assert "small exists and is not overwritten; --force replaces it" in capsys.readouterr().err
    assert compress(*arguments, "--force") == 0
    assert not (folder / "small" / "old.txt").exists()


def altered(name, **changes):
    """A copy of a model's folder with another configuration."""

    def prepare(folder):
        (folder / "other").mkdir()
        for each in filter(Path.is_file, (folder / name).iterdir()):
            (folder / "other" / each.name).write_bytes(each.read_bytes())
        config = json.loads((folder / "other" / "config.json").read_text())
        (folder / "other" / "config.json").write_text(json.dumps({**config, **changes}))

    return prepare


@pytest.mark.parametrize(
    ("arguments", "prepare", "message"),
    [
        ("decoder --data text.txt --keep 0.5 -o decoder", None, "option --out must be another folder than the model's"),
        ("decoder --data text.txt --keep 0.5 -o decoder/out", None, "and none in it, got decoder/out"),
        ("decoder --data text.txt --keep 0.5 -o out --class a:b", None, "option --class must be left out"),
        (
            "decoder --data text.csv --keep 0.5 -o out",
            None,
            "data must be .txt, .npy or .npz for a folder, got text.csv",
        ),
        ("decoder --data none.txt --keep 0.5 -o out", None, "No such file"),
        (
            "empty --data text.txt --keep 0.5 -o out",
            lambda f: (f / "empty").mkdir(),
            "must be a folder with config.json",
        ),
        (
            "decoder --data short.txt --keep 0.5 -o out",
            lambda f: (f / "short.txt").write_text(text(20)),
            "data must hold two sequences of 16 tokens or more",
        ),
        ("vision --data text.txt --keep 0.5 -o out", None, "path must have a tokenizer's files for a text"),
        (
            "vision --data one.npy --keep 0.5 -o out",
            lambda f: np.save(f / "one.npy", np.zeros((1, 3, 8, 8))),
            "two samples",
        ),
        ("vision --data X.npy --keep 0.5 -o none/out", None, "the folder none is not there"),
        (
            "vision --data X.npy --keep 0.5 -o full",
            lambda f: (f / "full").mkdir(),
            "full exists and is no model's folder",
        ),
        (
            "other --data text.txt --keep 0.5 -o out",
            altered("decoder", architectures=["MyModel"]),
            "must be of a class of the package transformers, got other, which is a MyModel",
        ),
        (
            "other --data text.txt --keep 0.5 -o out",
            altered("decoder", quantization_config={"bits": 4}),
            "whose weights are quantized",
        ),
        (
            "other --data text.txt --keep 0.5 -o out",
            altered("decoder", architectures=["LlamaForSequenceClassification"]),
            "must have all weights of its class, got other without score.weight",
        ),
        (
            "other --data text.txt --keep 0.5 -o out",
            altered("decoder", intermediate_size=60),
            "path must be a model that transformers loads, got other",
        ),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(folder, arguments, prepare, message, capsys):
    if prepare:
        prepare(folder)
    before = sorted(each.name for each in folder.iterdir())
    assert compress(*arguments.split()) == 1
    error = capsys.readouterr().err
    assert message in error and error.splitlines()[-1].startswith("rrqr: error: ")
    assert sorted(each.name for each in folder.iterdir()) == before


def test_what_fails_while_it_is_written_leaves_nothing(folder, monkeypatch, capsys):
    def full(*_, **__):
        raise OSError("No space left on device")

    monkeypatch.setattr(transformers.PreTrainedModel, "save_pretrained", full)
    assert compress("vision", "--data", "X.npy", "--keep", 0.5, "-o", "small") == 1
    assert "No space left" in capsys.readouterr().err
    assert {each.name for each in folder.iterdir()} == {"decoder", "vision", "text.txt", "X.npy"}
