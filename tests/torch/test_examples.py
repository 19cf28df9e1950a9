"""The studies of MiniLM, CREPE and SmolLM2 on small models of their kind: every scheme runs, numbers are written."""

import json
import sys
import zlib

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the face of torch needs torch, an extra")
transformers = pytest.importorskip("transformers", reason="the encoder of the study is one of its models")


def low_rank(model, rank):
    """Random weights of which most is of low rank, as trained ones are."""
    for parameter in model.parameters():
        if parameter.ndim > 1:
            matrix = parameter.data.reshape(len(parameter), -1)
            small = min(rank, *matrix.shape)
            factors = torch.randn(len(matrix), small) @ torch.randn(small, matrix.shape[1])
            matrix += factors * matrix.std() / small**0.5
    return model.eval()


def points(folder, name):
    """(scheme, budget) -> a point of the study."""
    data = json.loads((folder / f"{name}.json").read_text())
    return {(each["scheme"], each["budget"]): each for each in data["points"]}


def test_the_study_of_minilm(examples, monkeypatch, tmp_path, capsys):
    import minilm

    config = transformers.BertConfig(
        vocab_size=200,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=16,
    )

    def tokens(texts):
        """Sixteen words of each sentence, as what their checksums leave."""
        ids, mask = np.zeros((2, len(texts), 16), int)
        for row, text in enumerate(texts):
            words = text.split()[:16]
            ids[row, : len(words)] = [1 + zlib.crc32(word.encode()) % 199 for word in words]
            mask[row, : len(words)] = 1
        return {"input_ids": torch.as_tensor(ids), "attention_mask": torch.as_tensor(mask)}

    model = low_rank(transformers.BertModel(config, add_pooling_layer=False), 8)
    monkeypatch.setattr(minilm, "encoder", lambda: model)
    monkeypatch.setattr(minilm, "tokens", tokens)
    monkeypatch.setattr(minilm, "TESTED", 40)
    monkeypatch.setattr(minilm, "HEADS", 4)
    monkeypatch.setattr(sys, "argv", ["minilm.py", "--out", str(tmp_path), "--tokens", "2000"])
    minilm.main()
    assert "feed-forward: mean cosine" in capsys.readouterr().out
    for name, half in (("feed-forward", "keep 0.5"), ("heads", "keep 0.5")):
        found = points(tmp_path, f"minilm-{name}")
        assert found["forward", half]["quality"] > found["magnitude", half]["quality"]
        assert found["ID", "keep 0.75"]["quality"] > found["ID", half]["quality"]
        for scheme in ("ID", "ID, weighted", "forward"):
            each = found[scheme, half]
            assert each["predicted"] == pytest.approx(each["actual"], rel=0.3)
    assert len(list(tmp_path.glob("*.png"))) == 6


def test_the_race_of_minilm_counts_columns(examples, monkeypatch, capsys):
    import minilm

    sample = torch.randn(300, 8)
    model = torch.nn.Sequential(torch.nn.Linear(8, 24), torch.nn.GELU(), torch.nn.Linear(24, 3))
    minilm.race(model, sample)
    assert "0: 300 x 24, the same columns: 12 of 12" in capsys.readouterr().out


def test_the_study_of_crepe(examples, monkeypatch, tmp_path, capsys):
    import crepe

    nn = torch.nn
    layers = []
    for inputs, outputs in ((1, 32), (32, 16), (16, 16)):
        layers += [nn.Conv1d(inputs, outputs, 8, stride=4), nn.ReLU(), nn.BatchNorm1d(outputs), nn.MaxPool1d(2)]
    model = low_rank(nn.Sequential(*layers, nn.Flatten(), nn.Linear(16, crepe.BINS), nn.Sigmoid()), 3)

    class Frames(nn.Module):
        """The model on frames without an axis of channels."""

        def __init__(self):
            super().__init__()
            self.layers = model

        def forward(self, x):
            return self.layers(x[:, None])

    monkeypatch.setattr(crepe, "network", lambda: Frames().eval())
    arguments = ["--out", str(tmp_path), "--frames", "128", "--tested", "40"]
    monkeypatch.setattr(sys, "argv", ["crepe.py", *arguments])
    crepe.main()
    assert "Plan for flops 0.25" in capsys.readouterr().out
    found = points(tmp_path, "crepe")
    assert {each["budget"] for each in found.values()} == {"flops 0.5", "flops 0.25", "flops 0.125"}
    for (_, budget), each in found.items():
        assert each["size"] <= float(budget.split()[1]) + 1e-9
    assert found["ID", "flops 0.5"]["actual"] < found["magnitude", "flops 0.5"]["actual"]
    assert len(list(tmp_path.glob("*.png"))) == 3


def test_synthetic_tones_have_the_pitch_they_say(examples):
    import crepe

    frames, cents = crepe.tones(20, 0)
    assert frames.shape == (20, crepe.FRAME)
    np.testing.assert_allclose(frames.mean(1), 0, atol=1e-5)
    np.testing.assert_allclose(frames.std(1, correction=0), 1, rtol=1e-5)
    activation = np.zeros((20, crepe.BINS))
    nearest = np.rint((cents - crepe.FIRST) / crepe.CENTS).astype(int)
    inside = (nearest >= 0) & (nearest < crepe.BINS)
    activation[np.flatnonzero(inside), nearest[inside]] = 1
    assert abs(crepe.cents(activation[inside]) - cents[inside]).max() <= crepe.CENTS / 2


def test_the_study_of_smollm2(examples, monkeypatch, tmp_path, capsys):
    import smollm2

    config = transformers.LlamaConfig(
        vocab_size=60,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=64,
        tie_word_embeddings=True,
        pad_token_id=0,
    )
    model = low_rank(transformers.LlamaForCausalLM(config), 4)
    words = np.random.default_rng(0).integers(0, 60, 6000).tolist()
    starts = {"calibration": 0, "news": 4000, "manual": 5000}
    monkeypatch.setattr(smollm2, "LENGTH", 16)
    monkeypatch.setattr(smollm2, "language_model", lambda: model)
    monkeypatch.setattr(smollm2, "texts", lambda: starts)
    monkeypatch.setattr(smollm2, "text_tokens", lambda start: words[start:])
    monkeypatch.setattr(
        smollm2, "sequences", lambda start, count: torch.tensor(words[start : start + count]).reshape(-1, 16)
    )
    arguments = ["--tokens", "2048", "--test-tokens", "320", "--fractions", "0.7", "--drift", "0.5", "0", "--single"]
    monkeypatch.setattr(sys, "argv", ["smollm2.py", "--out", str(tmp_path), *arguments])
    smollm2.main()
    rows = {row["scheme"]: row for row in json.loads((tmp_path / "smollm2.json").read_text())["rows"]}
    assert len(rows) == 8 and rows.pop("original")["parameters"] == 1
    assert all(0.66 < row["parameters"] <= 0.7 for row in rows.values())
    assert all(np.isfinite(list(row["perplexity"].values())).all() for row in rows.values())
    assert "weighted, own output + 0.5 drift" in capsys.readouterr().out


def test_swept_layers_that_keep_everything_give_the_original_model(examples):
    import smollm2

    config = transformers.LlamaConfig(
        vocab_size=60, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24
    )
    model = transformers.LlamaForCausalLM(config).eval()
    tokens = torch.randint(0, 60, (20, 16))
    layers = smollm2.gathered(model, tokens)
    again = smollm2.swept(model, tokens, 24, drift=0.5)
    with torch.no_grad():
        one, two, three = (each(tokens).logits for each in (model, again, smollm2.low_rank(model, layers, 2.0)))
    assert float((one - two).norm() / one.norm()) < 1e-3
    assert float((one - three).norm() / one.norm()) < 1e-3


def test_rows_that_rotate_together_lie_half_a_head_apart(examples):
    import smollm2

    rows = torch.arange(8.0)[:, None].expand(8, 3)
    assert smollm2.halves(rows, 4)[:, 0].tolist() == [0, 2, 1, 3, 4, 6, 5, 7]
