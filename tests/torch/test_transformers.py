"""Transformers of Hugging Face, random and small: what is found by structure, whatever the classes are called."""

import numpy as np
import pytest

from rrqr_lapack.prune._face import Cut

torch = pytest.importorskip("torch", reason="the face of torch needs torch, an extra")
transformers = pytest.importorskip("transformers", reason="its models are among those that people have")
models = pytest.importorskip("torch_models")
prune = pytest.importorskip("rrqr_lapack.prune.torch")

SIZES = {"vocab_size": 50, "hidden_size": 24, "num_attention_heads": 4, "intermediate_size": 20, "num_hidden_layers": 2}


def bert(**options):
    """An encoder as in BERT."""
    return transformers.BertModel(transformers.BertConfig(**SIZES, **options))


def distilbert():
    """An encoder with other names for everything."""
    sizes = {"vocab_size": 50, "dim": 24, "n_heads": 4, "hidden_dim": 20, "n_layers": 2}
    return transformers.DistilBertModel(transformers.DistilBertConfig(**sizes))


def llama(**options):
    """A decoder with gated feed-forward blocks, and two queries to each key."""
    config = transformers.LlamaConfig(**SIZES, num_key_value_heads=2, pad_token_id=0, **options)
    return transformers.LlamaForCausalLM(config)


def gpt2():
    """A decoder whose code has sizes in it."""
    sizes = {"vocab_size": 50, "n_embd": 24, "n_head": 4, "n_layer": 2, "n_positions": 16, "n_inner": 20}
    return transformers.GPT2Model(transformers.GPT2Config(**sizes, bos_token_id=0, eos_token_id=0))


NAMES = {
    bert: ("encoder.layer.{}.attention.self.query", "encoder.layer.{}.intermediate.dense", 4, 6),
    distilbert: ("transformer.layer.{}.attention.q_lin", "transformer.layer.{}.ffn.lin1", 4, 6),
    llama: ("model.layers.{}.self_attn.q_proj", "model.layers.{}.mlp.gate_proj", 2, 12),
    gpt2: ("h.{}.attn.c_attn", "h.{}.mlp.c_fc", 4, 6),
}
KINDS = pytest.mark.parametrize("kind", NAMES, ids=lambda kind: kind.__name__)


def sentences(count, seed=0, length=9):
    """Random tokens, of random lengths."""
    generator = torch.Generator().manual_seed(seed)
    mask = torch.arange(length) < torch.randint(2, length + 1, (count, 1), generator=generator)
    ids = torch.randint(1, 50, (count, length), generator=generator) * mask
    return {"input_ids": ids, "attention_mask": mask.long()}


def made(kind, **options):
    """A model in double precision whose feed-forward blocks and attention do something."""
    torch.manual_seed(0)
    model = kind(**options).double().eval()
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    return model


@KINDS
def test_heads_and_feed_forward_blocks_are_found_by_structure(kind):
    heads, neurons, width, unit = NAMES[kind]
    face, _ = prune.find_groups(made(kind), sentences(8))
    expected = [
        (name.format(i), *size) for i in range(2) for name, size in ((heads, (width, unit)), (neurons, (20, 1)))
    ]
    assert [(group.name, group.width, group.unit) for group in face.groups] == expected


@KINDS
def test_duplicated_heads_and_neurons_are_removed_without_loss(kind):
    model = made(kind)
    face, _ = prune.find_groups(model, sentences(8))
    double = models.duplicated(face, np.random.default_rng(0))
    analysis = prune.analyze(double.model, sentences(60))
    small = prune.apply(analysis, prune.plan(analysis, ranks={g.name: g.width // 2 for g in double.groups}))
    fresh = sentences(20, seed=1)
    kept = fresh["attention_mask"].bool()
    with torch.no_grad():
        one, two = (each(**fresh)[0][kept] for each in (small, double.model))
    assert models.relative_error(one, two) < 1e-7


@pytest.mark.parametrize("kind", [bert, llama], ids=["bert", "llama"])
def test_attention_written_out_is_found_as_well(kind):
    groups = [
        prune.find_groups(made(kind, attn_implementation=how), sentences(8))[0].groups for how in ("eager", "sdpa")
    ]
    assert groups[0] == groups[1]


def test_of_gated_blocks_the_product_is_what_is_selected():
    model = made(llama)
    face, _ = prune.find_groups(model, sentences(8))
    mlp, seen = model.model.layers[0].mlp, []
    hook = mlp.down_proj.register_forward_pre_hook(lambda _, x: seen.append(x[0]))
    batch = sentences(5)
    (Z,) = face.activations([batch], ["model.layers.0.mlp.gate_proj"])
    hook.remove()
    kept = seen[0][batch["attention_mask"].bool()]
    np.testing.assert_array_equal(Z["model.layers.0.mlp.gate_proj"], kept.detach().numpy())


def test_positions_that_the_mask_hides_have_no_row():
    face, _ = prune.find_groups(made(bert), sentences(8))
    batch = sentences(30)
    (Z,) = face.activations([batch])
    assert {len(z) for z in Z.values()} == {int(batch["attention_mask"].sum())}
    ((Y, *_),) = face.outputs([batch])
    assert Y.shape == (int(batch["attention_mask"].sum()), 24)


def test_a_head_of_grouped_attention_takes_its_queries_with_it():
    face, _ = prune.find_groups(made(llama), sentences(8))
    small = face.cut({"model.layers.1.self_attn.q_proj": Cut(np.array([1]), np.eye(24)[12:])}).model
    layer, old = small.model.layers[1].self_attn, face.model.model.layers[1].self_attn
    assert torch.equal(layer.q_proj.weight, old.q_proj.weight[12:])
    assert torch.equal(layer.k_proj.weight, old.k_proj.weight[6:])
    assert torch.equal(layer.o_proj.weight, old.o_proj.weight[:, 12:])


def test_the_configuration_follows_where_all_layers_agree():
    model = made(llama)
    analysis = prune.analyze(model, sentences(60))
    small = prune.apply(analysis, prune.plan(analysis, keep=0.5))
    sizes = ("intermediate_size", "num_attention_heads", "num_key_value_heads")
    assert [getattr(small.config, name) for name in sizes] == [10, 2, 1]
    assert [getattr(model.config, name) for name in sizes] == [20, 4, 2]
    again = transformers.LlamaForCausalLM(small.config).double().eval()
    again.load_state_dict(small.state_dict())
    batch = sentences(4)
    with torch.no_grad():
        assert torch.equal(again(**batch).logits, small(**batch).logits)


def test_the_configuration_stays_where_layers_differ():
    model = made(bert)
    face, _ = prune.find_groups(model, sentences(8))
    small = face.cut({"encoder.layer.0.intermediate.dense": Cut(np.arange(7), np.eye(7, 20))}).model
    assert small.config.intermediate_size == 20


def test_tied_embeddings_stay_tied():
    model = made(lambda: llama(tie_word_embeddings=True))
    analysis = prune.analyze(model, sentences(60))
    small = prune.apply(analysis, prune.plan(analysis, keep=0.5))
    assert small.lm_head.weight is small.model.embed_tokens.weight
    assert small.lm_head.weight is not model.lm_head.weight
    assert torch.equal(small.lm_head.weight, model.lm_head.weight)


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("refit", [None, "asymmetric"])
def test_corrections_keep_a_transformer_near_its_outputs(refit, affine):
    model = made(bert)
    data = sentences(200)
    analysis = prune.analyze(model, data)
    chosen = prune.plan(analysis, keep=0.7, method="id", affine=affine, refit=refit)
    fresh = sentences(50, seed=3)
    kept = fresh["attention_mask"].bool()
    baseline = prune.apply(analysis, prune.plan(analysis, keep=0.7, method="magnitude"))
    with torch.no_grad():
        expected = model(**fresh)[0][kept]
        error = models.relative_error(prune.apply(analysis, chosen)(**fresh)[0][kept], expected)
        worse = models.relative_error(baseline(**fresh)[0][kept], expected)
    assert error < 0.5 * worse
