"""Smaller models whose configuration describes them: what `save_pretrained` writes, `from_pretrained` loads."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the face of torch needs torch, an extra")
transformers = pytest.importorskip("transformers", reason="its models are among those that people have")
models = pytest.importorskip("torch_models")
prune = pytest.importorskip("rrqr_lapack.prune.torch")

TEXT = {"vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
IMAGE = {**TEXT, "image_size": 8, "patch_size": 4}
del IMAGE["vocab_size"]


def llama_like(kind, **options):
    """A decoder with two queries to each key, and its class's own configuration."""
    config = getattr(transformers, f"{kind}Config")(**TEXT, num_key_value_heads=2, pad_token_id=0, **options)
    return getattr(transformers, f"{kind}ForCausalLM")(config)


def distilbert():
    """An encoder with other names for everything."""
    sizes = {"vocab_size": 50, "dim": 32, "n_heads": 4, "hidden_dim": 48, "n_layers": 2}
    return transformers.DistilBertModel(transformers.DistilBertConfig(**sizes))


def gpt2():
    """A decoder whose configuration leaves the width of its feed-forward blocks to the code."""
    sizes = {"vocab_size": 50, "n_embd": 32, "n_head": 4, "n_layer": 2, "n_positions": 16}
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes, bos_token_id=0, eos_token_id=0))


def clip():
    """Two towers, each with a configuration within the model's."""
    text = {**TEXT, "projection_dim": 16, "max_position_embeddings": 16, "bos_token_id": 1, "eos_token_id": 2}
    config = transformers.CLIPConfig(
        text_config={**text, "intermediate_size": 40}, vision_config={**IMAGE, "projection_dim": 16}, projection_dim=16
    )
    return transformers.CLIPModel(config)


def whisper():
    """Sound in, text out, one number for the blocks of each side."""
    sizes = {f"{side}_{what}": n for side in ("encoder", "decoder") for what, n in (("layers", 2), ("ffn_dim", 48))}
    config = transformers.WhisperConfig(
        vocab_size=50,
        d_model=32,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        num_mel_bins=8,
        max_source_positions=10,
        max_target_positions=16,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
        suppress_tokens=None,
        begin_suppress_tokens=None,
        **sizes,
    )
    return transformers.WhisperModel(config)


KINDS = {  # what makes the model, what it takes, the numbers that a cut lowers
    "bert": (lambda: transformers.BertModel(transformers.BertConfig(**TEXT)), "text", {"intermediate_size"}),
    "distilbert": (distilbert, "text", {"hidden_dim"}),
    "gpt2": (gpt2, "text", {"n_inner"}),
    "llama": (
        lambda: llama_like("Llama"),
        "text",
        {"intermediate_size", "num_attention_heads", "num_key_value_heads"},
    ),
    "mistral": (
        lambda: llama_like("Mistral", head_dim=None),
        "text",
        {"intermediate_size", "num_attention_heads", "num_key_value_heads"},
    ),
    "qwen2": (
        lambda: llama_like("Qwen2"),
        "text",
        {"intermediate_size", "num_attention_heads", "num_key_value_heads", "head_dim"},
    ),
    "vit": (lambda: transformers.ViTModel(transformers.ViTConfig(**IMAGE)), "image", {"intermediate_size"}),
    "clip": (clip, "both", {"text_config.intermediate_size", "vision_config.intermediate_size"}),
    "whisper": (whisper, "sound", {"encoder_ffn_dim", "decoder_ffn_dim"}),
}
EVERY = pytest.mark.parametrize("kind", KINDS)


def samples(what, count=160):
    """Random tokens, images or sounds."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(3, 50, (count, 9), generator=generator)
    images = torch.randn(count, 3, 8, 8, generator=generator, dtype=torch.float64)
    sound = torch.randn(count, 8, 20, generator=generator, dtype=torch.float64)
    return {
        "text": {"input_ids": ids},
        "image": {"pixel_values": images},
        "both": {"input_ids": ids, "pixel_values": images},
        "sound": {"input_features": sound, "decoder_input_ids": ids},
    }[what]


def made(kind):
    """A model in double precision, and samples for it."""
    torch.manual_seed(0)
    make, what, _ = KINDS[kind]
    return make().double().eval(), samples(what)


def changed(before, after):
    """The names of a configuration's numbers that differ, as ``part.name``."""
    names = set()
    for name, value in after.items():
        if isinstance(value, dict) and isinstance(before.get(name), dict):
            names |= {f"{name}.{inner}" for inner in changed(before[name], value)}
        elif value != before.get(name):
            names.add(name)
    return names


@EVERY
def test_what_save_pretrained_writes_of_a_cut_model_is_what_from_pretrained_loads(kind, tmp_path):
    model, data = made(kind)
    analysis = prune.analyze(model, data)
    before = model.config.to_dict()
    plan = prune.plan(analysis, keep=0.5, alike="config")
    small = prune.apply(analysis, plan)
    small.save_pretrained(tmp_path)
    loaded = type(model).from_pretrained(tmp_path).eval()
    assert changed(before, loaded.config.to_dict()) - {"dtype", "architectures"} >= KINDS[kind][2]
    assert sum(p.numel() for p in loaded.parameters()) == plan.parameters_after < plan.parameters_before
    with torch.no_grad():
        one, two = small(**data), loaded(**data)
    assert torch.equal(one[0], two[0])
    assert model.config.to_dict() == before
    auto = transformers.AutoModel.from_pretrained(tmp_path)
    assert changed(before, auto.config.to_dict()) - {"dtype", "architectures"} >= KINDS[kind][2]


@pytest.mark.parametrize("kind", ["llama", "clip"])
def test_a_budget_for_the_whole_model_keeps_layers_alike(kind):
    model, data = made(kind)
    analysis = prune.analyze(model, data)
    plan = prune.plan(analysis, params=0.9, alike="config")
    assert plan.parameters_after <= 0.9 * plan.parameters_before
    for groups in analysis.face.alike:
        assert len({plan.ranks[name] for name in groups}) == 1
    assert set(plan.ranks) == {name for groups in analysis.face.alike for name in groups}
    fresh = type(model)(prune.apply(analysis, plan).config)
    assert sum(p.numel() for p in fresh.parameters()) == plan.parameters_after


def test_heads_keep_their_features_and_the_queries_of_each_key():
    model, data = made("qwen2")
    analysis = prune.analyze(model, data)
    small = prune.apply(analysis, prune.plan(analysis, keep=0.5, alike="config", round_to=8))
    config = small.config
    assert (config.num_attention_heads, config.num_key_value_heads, config.head_dim) == (2, 1, 8)
    assert config.intermediate_size == 24
    assert small.model.layers[0].self_attn.q_proj.weight.shape == (16, 32)


def test_widths_are_multiples_in_columns_so_that_heads_count_by_their_features():
    model, data = made("llama")
    analysis = prune.analyze(model, data)
    plan = prune.plan(analysis, keep=0.5, round_to=16)
    assert set(plan.ranks.values()) == {1, 32}


def test_an_untouched_model_keeps_its_configuration():
    model, data = made("mistral")
    analysis = prune.analyze(model, data)
    small = prune.apply(analysis, prune.plan(analysis, keep=1.0, alike="config"))
    assert small.config.to_dict() == model.config.to_dict()


def test_without_the_configuration_the_same_model_may_have_layers_that_differ():
    model, data = made("bert")
    model.encoder.layer[0].intermediate.dense.weight.data.mul_(30)
    analysis = prune.analyze(model, data)
    plan = prune.plan(analysis, params=0.8)
    widths = {name: k for name, k in plan.ranks.items() if "intermediate" in name}
    assert len(set(widths.values())) == 2
    assert prune.apply(analysis, plan).config.intermediate_size == 48


def test_a_configuration_that_does_not_make_the_model_says_nothing():
    model, data = made("bert")
    model.config.hidden_size = 64
    face, _ = prune.find_groups(model, data)
    assert face.alike == ()


class Block(torch.nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.fc1, self.fc2 = torch.nn.Linear(width, hidden), torch.nn.Linear(hidden, width)

    def forward(self, x):
        return x + self.fc2(torch.nn.functional.gelu(self.fc1(x)))


class Network(torch.nn.Module):
    """As in model zoos: the sizes are arguments of the class."""

    def __init__(self, width=8, ratio=4.0, depth=3):
        super().__init__()
        self.blocks = torch.nn.Sequential(*(Block(width, int(ratio * width)) for _ in range(depth)))

    def forward(self, x):
        return self.blocks(x)


def test_groups_alike_by_name_load_into_a_class_made_with_its_own_arguments():
    torch.manual_seed(0)
    model, x = Network().double(), torch.randn(300, 8, dtype=torch.float64)
    analysis = prune.analyze(model, x)
    plan = prune.plan(analysis, params=0.6, alike=["blocks.*.fc1"])
    small = prune.apply(analysis, plan)
    (hidden,) = set(plan.ranks.values())
    again = Network(ratio=hidden / 8).double()
    again.load_state_dict(small.state_dict())
    assert torch.equal(again(x), small(x))
    with pytest.raises(
        ValueError, match="alike must be None or patterns for a model whose configuration says no width"
    ):
        prune.plan(analysis, params=0.6, alike="config")


def test_alike_layers_get_the_widths_that_are_best_for_all_of_them():
    torch.manual_seed(0)
    model, x = Network().double(), torch.randn(300, 8, dtype=torch.float64)
    analysis = prune.analyze(model, x)
    free = prune.plan(analysis, params=0.6)
    tied = prune.plan(analysis, params=0.6, alike=["blocks.*.fc1"])
    some = prune.plan(analysis, params=0.6, alike=["blocks.[01].fc1"])
    assert some.ranks["blocks.0.fc1"] == some.ranks["blocks.1.fc1"]
    limit = 0.6 * free.parameters_before
    each = np.ptp([plan.parameters_after for plan in (free, tied, some)])
    assert all(plan.parameters_after <= limit for plan in (free, tied, some)) and each <= 3 * 17
