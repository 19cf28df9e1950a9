"""PyTorch's own attention and transformers: heads are units, also where their weights are packed."""

import numpy as np
import pytest

from rrqr_lapack.prune._face import Cut, total

torch = pytest.importorskip("torch", reason="the face of torch needs torch, an extra")
models = pytest.importorskip("torch_models")
prune = pytest.importorskip("rrqr_lapack.prune.torch")
nn = torch.nn


class Apart(nn.Module):
    """Queries, keys and values of different sizes, without biases."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(12, 4, kdim=7, vdim=5, bias=False, batch_first=True)
        self.k, self.v, self.out = nn.Linear(12, 7), nn.Linear(12, 5), nn.Linear(12, 2)

    def forward(self, x):
        return self.out(self.attention(x, torch.tanh(self.k(x)), torch.tanh(self.v(x)), need_weights=False)[0])


class Both(nn.Module):
    """An encoder with padding, and a decoder that must not look ahead."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.TransformerEncoderLayer(12, 4, 20, activation="gelu", norm_first=True)
        self.decoder = nn.TransformerDecoderLayer(12, 4, 20, activation="gelu")

    def forward(self, x):
        hidden = (torch.arange(x.shape[0]) > 3).expand(x.shape[1], -1)
        ahead = nn.Transformer.generate_square_subsequent_mask(x.shape[0], dtype=x.dtype)
        return self.decoder(x, self.encoder(x, src_key_padding_mask=hidden), tgt_mask=ahead)


class Plain(nn.Module):
    """Attention to itself, with the mean weights returned and unused."""

    def __init__(self):
        super().__init__()
        self.attention, self.out = nn.MultiheadAttention(12, 4, batch_first=True), nn.Linear(12, 3)

    def forward(self, x):
        return self.out(torch.tanh(self.attention(x, x, x)[0]))


class Single(nn.Module):
    """One head, whose values are wider than its keys."""

    def __init__(self, product):
        super().__init__()
        self.q, self.k, self.v, self.out = nn.Linear(12, 4), nn.Linear(12, 4), nn.Linear(12, 8), nn.Linear(8, 3)
        self.product = product

    def forward(self, x):
        return self.out(self.product(self.q(x), self.k(x), self.v(x)))


def summed(q, k, v):
    """Attention as sums over letters."""
    return torch.einsum("bqk,bkd->bqd", torch.einsum("bqd,bkd->bqk", q, k).softmax(-1), v)


PRODUCTS = {
    "sdpa": nn.functional.scaled_dot_product_attention,
    "matmul": lambda q, k, v: (q @ k.mT).softmax(-1) @ v,
    "einsum": summed,
}


def encoder():
    """Two layers, as PyTorch stacks them."""
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(12, 4, 20, activation="gelu", batch_first=True), 2)


FOUND = {
    Apart: {"k": 7, "v": 5, "attention": 4, "attention.out_proj": 12},
    Both: {
        "encoder.self_attn": 4, "encoder.linear1": 20, "decoder.self_attn": 4, "decoder.multihead_attn": 4,
        "decoder.linear1": 20,
    },
    Plain: {"attention": 4, "attention.out_proj": 12},
    encoder: {
        "layers.0.self_attn": 4, "layers.0.linear1": 20, "layers.1.self_attn": 4, "layers.1.linear1": 20,
    },
}  # fmt: skip
KINDS = pytest.mark.parametrize("kind", FOUND, ids=lambda kind: kind.__name__)


def draw(count):
    """Samples of five tokens; without batch_first these are the samples of one position."""
    return torch.randn(count, 5, 12, dtype=torch.float64)


def face_of(kind):
    """The face of a model of this kind."""
    torch.manual_seed(0)
    model = kind().double().eval()
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1 and "norm" not in name:
            parameter.data.normal_()
    return prune.find_groups(model, draw(6))[0]


@KINDS
def test_heads_are_a_group(kind):
    assert {group.name: group.width for group in face_of(kind).groups} == FOUND[kind]


@KINDS
def test_repeated_heads_are_removed_without_loss_on_samples_never_seen(kind):
    double = models.duplicated(face_of(kind), np.random.default_rng(0))
    analysis = prune.analyze(double.model, draw(200))
    half = {group.name: group.width // 2 for group in double.groups}
    plan = prune.plan(analysis, ranks=half)
    small = prune.apply(analysis, plan)
    assert plan.parameters_after == sum(parameter.numel() for parameter in small.parameters())
    assert {group.name: group.width for group in prune.find_groups(small, draw(6))[0].groups} == half
    fresh = draw(20)
    with torch.no_grad():
        assert models.relative_error(small(fresh), double.model(fresh)) < 1e-8


@KINDS
def test_what_is_planned_is_less_wrong_than_what_is_dropped(kind):
    face = face_of(kind)
    analysis = prune.analyze(face.model, draw(200))
    fresh, errors = draw(30), {}
    for correction in ("lstsq", "none"):
        small = prune.apply(analysis, prune.plan(analysis, keep=0.75, correction=correction))
        with torch.no_grad():
            errors[correction] = models.relative_error(small(fresh), face.model(fresh))
    assert 0 < errors["lstsq"] < errors["none"]


@KINDS
def test_a_sweep_measures_the_model_that_it_makes(kind):
    on_the_way, measured = models.swept_and_measured(face_of(kind).model, draw(200))
    assert on_the_way == pytest.approx(measured, rel=1e-7)


def test_all_heads_in_another_order_give_the_same_outputs_by_the_class_itself():
    face, x = face_of(Plain), draw(6)
    C = np.array([3, 0, 2, 1])
    turned = face.cut({"attention": Cut(C, np.kron(np.eye(4)[C], np.eye(3)))}).model
    assert type(turned.attention) is nn.MultiheadAttention
    with torch.no_grad():
        assert models.relative_error(turned(x), face.model(x)) < 1e-12


def test_a_narrow_attention_is_that_of_the_class_with_the_other_heads_silenced():
    face, x = face_of(Plain), draw(6)
    small = face.cut({"attention": Cut(np.array([1, 3]), np.eye(12)[[3, 4, 5, 9, 10, 11]])}).model
    with torch.no_grad():
        face.model.attention.out_proj.weight[:, [0, 1, 2, 6, 7, 8]] = 0
        assert models.relative_error(small(x), face.model(x)) < 1e-12
        for options in ({"average_attn_weights": False}, {"need_weights": False}, {"attn_mask": torch.eye(5) > 0}):
            one, two = (each.attention(x, x, x, **options) for each in (small, face.model))
            assert models.relative_error(one[0], two[0]) < 1e-12
        alone = small.attention(x[2], x[2], x[2])
        assert models.relative_error(alone[0], small.attention(x, x, x)[0][2]) < 1e-12
        assert models.relative_error(alone[1], small.attention(x, x, x)[1][2]) < 1e-12


def test_the_costs_are_those_of_packed_and_of_separate_weights(monkeypatch):
    monkeypatch.setattr(torch.backends.mha, "get_fastpath_enabled", lambda: False)  # nobody counts in there
    counter = pytest.importorskip("torch.utils.flop_counter")
    kernels = pytest.importorskip("torch.nn.attention")
    for kind in (Apart, Plain):
        face, x = face_of(kind), draw(6)
        widths = {group.name: group.width for group in face.groups}
        with (
            counter.FlopCounterMode(display=False) as counted,
            kernels.sdpa_kernel(kernels.SDPBackend.MATH),
            torch.no_grad(),
        ):
            face.model(x)
        assert 2 * len(x) * total(face.flops, widths) == counted.get_total_flops()


def test_a_small_transformer_goes_to_a_file_and_back(tmp_path):
    pytest.importorskip("safetensors", reason="the files are its")
    face, x = face_of(encoder), draw(6)
    analysis = prune.analyze(face.model, draw(200))
    small = prune.apply(analysis, prune.plan(analysis, keep=0.5))
    prune.save(small, tmp_path / "small.safetensors")
    again = prune.load(encoder().double(), tmp_path / "small.safetensors")
    with torch.no_grad():
        assert again.layers[0].self_attn.num_heads == 2
        assert models.relative_error(again(x), small(x)) < 1e-12


def test_keys_that_belong_to_no_sample_keep_the_heads_and_are_named():
    torch.manual_seed(0)
    model = Plain().double()
    model.attention = nn.MultiheadAttention(12, 4, add_bias_kv=True, dtype=torch.float64)
    why = "attention: multi_head_attention_forward with keys of its own has no rule"
    with pytest.warns(UserWarning, match=why), pytest.raises(ValueError, match=rf"got none \({why}\)"):
        prune.find_groups(model, draw(6))


@pytest.mark.parametrize("product", PRODUCTS.values(), ids=PRODUCTS)
def test_repeated_columns_of_the_values_of_a_single_head_are_removed_without_loss(product):
    """Each column of the values makes one of the result; queries and keys are summed over, and stay."""
    torch.manual_seed(0)
    face = prune.find_groups(Single(product).double().eval(), draw(6))[0]
    assert [group.name for group in face.groups] == ["v"]
    assert "q" in face.left_alone
    double = models.duplicated(face, np.random.default_rng(0))
    analysis = prune.analyze(double.model, draw(100))
    plan = prune.plan(analysis, ranks={"v": 4})
    small = prune.apply(analysis, plan)
    again = prune.find_groups(small, draw(6))[0]
    assert plan.flops_after == total(again.flops, {"v": 4})
    fresh = draw(20)
    with torch.no_grad():
        assert models.relative_error(small(fresh), double.model(fresh)) < 1e-8


def test_the_columns_within_heads_are_named_among_what_stays():
    face = face_of(Plain)
    assert face.left_alone["within attention"] == "a head or a group of channels goes or stays as a whole"
