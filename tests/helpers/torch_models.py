"""Models in torch that the tests take apart, small and with random weights."""

import numpy as np
import torch
import torch.nn.functional as F
import torch_branching as branching
from torch import nn

from rrqr_lapack.prune._face import Cut

torch.set_num_threads(1)


class Depthwise(nn.Module):
    """Pointwise, depthwise, pointwise, as in MobileNet, on one axis; the depthwise one doubles the channels."""

    def __init__(self):
        super().__init__()
        self.expand = nn.Conv1d(3, 8, 1)
        self.depthwise = nn.Conv1d(8, 16, 3, groups=8)
        self.project = nn.Conv1d(16, 6, 1)
        self.up = nn.ConvTranspose1d(6, 6, 2, stride=2)
        self.out = nn.Conv1d(6, 2, 1)

    def forward(self, x):
        x = F.relu6(self.depthwise(F.relu6(self.expand(x))))
        return self.out(F.silu(self.up(F.gelu(self.project(x))))).mean(-1)


class Block(nn.Module):
    """A residual block."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 2 * channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(2 * channels)
        self.conv2 = nn.Conv2d(2 * channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        return F.relu(x + self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


class Residual(nn.Module):
    """A small ResNet."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3)
        self.blocks = nn.Sequential(Block(6), Block(6))
        self.fc = nn.Linear(6, 4)

    def forward(self, x):
        return self.fc(self.blocks(self.stem(x)).mean((2, 3)))


class Excitation(nn.Module):
    """Channels that are scaled by a gate computed from all of them (squeeze and excitation)."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.squeeze = nn.Conv2d(8, 4, 1)
        self.excite = nn.Conv2d(4, 8, 1)
        self.out = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        x = F.silu(self.conv(x))
        gate = torch.sigmoid(self.excite(F.silu(self.squeeze(F.adaptive_avg_pool2d(x, 1)))))
        return self.out(x * gate).mean((2, 3))


class Fused(nn.Module):
    """Attention with one projection for queries, keys and values, and a gated feed-forward block with one for both."""

    def __init__(self):
        super().__init__()
        self.heads = 4
        self.qkv = nn.Linear(12, 48)
        self.proj = nn.Linear(16, 12)
        self.norm = nn.LayerNorm(12)
        self.gate_up = nn.Linear(12, 40)
        self.down = nn.Linear(20, 12)

    def forward(self, x):
        samples, tokens, _ = x.shape
        q, k, v = self.qkv(x).reshape(samples, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2)
        x = x + self.proj(attended.reshape(samples, tokens, -1))
        gate, up = self.gate_up(self.norm(x)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)


class Branches(nn.Module):
    """One layer with three readers, of which one sees it through another activation; another layer is used twice."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(5, 12)
        self.twice = nn.Linear(12, 12)
        self.left = nn.Linear(12, 3)
        self.right = nn.Linear(12, 3)

    def forward(self, x):
        x = torch.tanh(self.first(x))
        return self.left(torch.relu(self.twice(torch.relu(self.twice(x))))) + self.right(x)


class Strided(nn.Module):
    """A size written into the code, and positions before channels when flattened."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 10, (4, 1))
        self.norm = nn.BatchNorm2d(10)
        self.in_features = 50
        self.classifier = nn.Linear(50, 3)

    def forward(self, x):
        x = F.max_pool2d(self.norm(F.relu(self.conv(F.pad(x[:, None, :, None], (0, 0, 1, 2))))), (2, 1))
        return self.classifier(x.permute(0, 2, 1, 3).reshape(-1, self.in_features))


class Written(nn.Module):
    """Attention written with einsum, and a convolution under a normalization without weights."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(6, 9, 1)
        self.norm = nn.InstanceNorm1d(9)
        self.back = nn.Conv1d(9, 12, 1)
        self.q, self.k, self.v = nn.Linear(12, 20), nn.Linear(12, 20), nn.Linear(12, 20)
        self.out = nn.Linear(20, 3)

    def forward(self, x):
        x = self.back(torch.relu(self.norm(self.conv(x)))).transpose(1, 2)
        q, k, v = (layer(x).unflatten(-1, (-1, 5)) for layer in (self.q, self.k, self.v))
        scores = torch.einsum("bihd,bjhd->bhij", q, k).softmax(-1)
        return self.out(torch.einsum("bhij, bjhd -> bihd", scores, v).flatten(2))


class Merged(nn.Module):
    """Attention with samples and heads on one axis, and queries and keys turned in pairs, as with rotary positions."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v = nn.Linear(6, 20), nn.Linear(6, 20), nn.Linear(6, 20)
        self.out = nn.Linear(20, 3)

    def forward(self, x):
        q, k, v = (layer(x).unflatten(-1, (-1, 4)).transpose(1, 2) for layer in (self.q, self.k, self.v))
        q, k = (z + torch.stack((-z[..., 1::2], z[..., ::2]), -1).flatten(-2) for z in (q, k))
        q, k, v = (z.flatten(0, 1) for z in (q, k, v))
        scores = torch.baddbmm(x.new_zeros(1, 1, 1), q, k.transpose(1, 2), alpha=0.5).softmax(-1)
        return self.out((scores @ v).unflatten(0, (len(x), -1)).transpose(1, 2).flatten(2))


class Gated(nn.Module):
    """`glu`, on channels and on features."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(3, 16, 2)
        self.mix = nn.Conv1d(8, 12, 1)
        self.up, self.down = nn.Linear(12, 14), nn.Linear(7, 2)

    def forward(self, x):
        x = F.normalize(self.mix(F.glu(self.conv(x), 1)), dim=1).mean(-1)
        return self.down(F.glu(self.up(x)))


def dense():
    """A chain of linear layers."""
    return nn.Sequential(
        nn.Linear(5, 14), nn.ReLU(), nn.Dropout(), nn.Linear(14, 10), nn.PReLU(10), nn.Linear(10, 8), nn.Sigmoid(),
        nn.BatchNorm1d(8), nn.Linear(8, 3),
    )  # fmt: skip


def convolutions():
    """Convolutions, normalization, pooling, flattening."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout2d(),
        nn.Conv2d(8, 7, 3, stride=2), nn.GELU(), nn.BatchNorm2d(7), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        nn.Linear(28, 6), nn.Tanh(), nn.Linear(6, 2),
    )  # fmt: skip


def in_use(model):
    """Normalizations as after training: statistics and scales differ by channel."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            for tensor in (module.weight.data, module.bias.data, module.running_mean, module.running_var):
                tensor.uniform_(0.5, 1.5)
    return model.eval()


INPUTS = {
    dense: (5,),
    convolutions: (3, 10, 10),
    Depthwise: (3, 9),
    Residual: (3, 8, 8),
    Excitation: (3, 8, 8),
    Fused: (6, 12),
    Branches: (5,),
    Strided: (10,),
    Written: (6, 8),
    Merged: (5, 6),
    Gated: (3, 6),
    **branching.INPUTS,
}


def made(kind, dtype=torch.float64):
    """A model of this kind and a function that draws samples for it."""
    torch.manual_seed(0)
    model = in_use(kind().to(dtype))
    return model, lambda count: torch.randn(count, *INPUTS[kind], dtype=dtype)


def duplicated(face, rng):
    """A face of a model in which every unit stands twice, with readers that tell the two apart."""
    cuts = {}
    for group in face.groups:
        C = np.repeat(np.arange((group.width + 1) // 2), 2)
        T = rng.standard_normal((len(C) * group.unit, group.columns)) / np.sqrt(group.columns)
        cuts[group.name] = Cut(C, T)
    return face.cut(cuts)


def relative_error(one, two):
    """||one - two||_F / ||two||_F."""
    return float((one - two).norm() / two.norm())
