"""Models in torch that put units side by side and take them apart again."""

import torch
import torch.nn.functional as F
from torch import nn


def convolved(inputs, outputs, kernel=3):
    """Convolution, normalization, activation."""
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.SiLU())


class UNet(nn.Module):
    """Two levels, whose skips are concatenated on either side."""

    def __init__(self):
        super().__init__()
        self.down1, self.down2, self.middle = convolved(3, 6), convolved(6, 8), convolved(8, 10)
        self.rise2, self.up2 = nn.ConvTranspose2d(10, 7, 2, 2), convolved(15, 9)
        self.rise1, self.up1 = nn.ConvTranspose2d(9, 5, 2, 2), convolved(11, 6)
        self.out = nn.Conv2d(6, 2, 1)

    def forward(self, x):
        first = self.down1(x)
        second = self.down2(F.max_pool2d(first, 2))
        x = self.up2(torch.cat([self.rise2(self.middle(F.max_pool2d(second, 2))), second], 1))
        return self.out(self.up1(torch.cat([first, self.rise1(x)], 1)))


class Growing(nn.Module):
    """A dense block: each layer reads all before it."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.norms = nn.ModuleList(nn.BatchNorm2d(n) for n in (8, 12, 16, 20))
        self.narrow = nn.ModuleList(nn.Conv2d(n, 12, 1, bias=False) for n in (8, 12, 16))
        self.grow = nn.ModuleList(nn.Conv2d(12, 4, 3, padding=1) for _ in range(3))
        self.transition, self.fc = nn.Conv2d(20, 10, 1), nn.Linear(40, 3)

    def forward(self, x):
        maps = [self.stem(x)]
        for norm, narrow, grow in zip(self.norms, self.narrow, self.grow, strict=False):
            maps.append(grow(F.silu(narrow(F.silu(norm(torch.cat(maps, 1)))))))
        x = self.transition(F.silu(self.norms[-1](torch.cat(maps, 1))))
        return self.fc(F.adaptive_avg_pool2d(F.silu(x), 2).flatten(1))


class Neck(nn.Module):
    """A split whose second half goes on alone, pools of one map side by side, and a lateral map."""

    def __init__(self):
        super().__init__()
        self.both, self.bottlenecks = convolved(3, 12), nn.ModuleList([convolved(6, 6), convolved(6, 6)])
        self.join, self.pooled, self.spread = convolved(24, 10), convolved(10, 5, 1), convolved(20, 8, 1)
        self.lateral, self.head = nn.Conv2d(12, 7, 1), nn.Conv2d(15, 3, 1)

    def forward(self, x):
        x = self.both(x)
        parts = list(x.chunk(2, 1))
        for bottleneck in self.bottlenecks:
            parts.append(bottleneck(parts[-1]))
        maps = [self.pooled(self.join(torch.cat(parts, 1)))]
        for _ in range(3):
            maps.append(F.max_pool2d(maps[-1], 3, 1, 1))
        x = torch.cat([self.spread(torch.cat(maps, 1)), self.lateral(x)], 1)
        return self.head(F.interpolate(x, scale_factor=2))


class Fire(nn.Module):
    """Two kernel sizes side by side, a depthwise filter over both, flattened."""

    def __init__(self):
        super().__init__()
        self.squeeze, self.small, self.large = nn.Conv2d(3, 6, 1), nn.Conv2d(6, 8, 1), nn.Conv2d(6, 4, 3, padding=1)
        self.depthwise, self.fc = nn.Conv2d(12, 12, 3, groups=12), nn.Linear(108, 4)

    def forward(self, x):
        x = F.silu(self.squeeze(x))
        x = torch.cat([F.silu(self.small(x)), F.silu(self.large(x))], 1)
        return self.fc(F.silu(self.depthwise(x)).permute(0, 2, 3, 1).flatten(1))


class Sliced(nn.Module):
    """Units that are read in slices of different sizes, by steps of two, and as a sum with a layer of all of them."""

    def __init__(self):
        super().__init__()
        self.at = 5
        self.first, self.other = nn.Linear(5, 12), nn.Linear(7, 6)
        self.head, self.tail, self.even = nn.Linear(5, 3), nn.Linear(13, 3), nn.Linear(3, 3)

    def forward(self, x):
        x = torch.tanh(self.first(x))
        head, tail = x[:, : self.at], x[:, self.at :]
        second = torch.sigmoid(self.other(tail))
        return self.head(head) + self.tail(torch.cat([second, tail], 1)) + self.even(second[:, ::2])


class Imported(nn.Module):
    """Scales and biases beside the layers, by views and from buffers, and a shape in a buffer, as importers write."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3, bias=False), nn.Conv2d(8, 6, 3, bias=False)
        self.third, self.last = nn.Linear(24, 10, bias=False), nn.Linear(10, 2)
        self.bias, self.line = nn.Parameter(torch.randn(8)), nn.Parameter(torch.randn(10))
        self.register_buffer("scale", torch.rand(1, 8, 1, 1) + 0.5)
        self.register_buffer("shift", torch.randn(6, 1, 1))
        self.register_buffer("shape", torch.tensor([-1, 24]))

    def forward(self, x):
        x = F.silu(self.first(x) * self.scale + self.bias.view(1, -1, 1, 1))
        x = F.silu(self.second(x) + self.shift).reshape(self.shape.tolist())
        return self.last(F.silu(self.third(x) + self.line[None]))


class Cardinal(nn.Module):
    """Bottlenecks in groups, as in ResNeXt; of others one is transposed, and one has several filters for an input."""

    def __init__(self):
        super().__init__()
        self.reduce, self.grouped = nn.Conv2d(3, 12, 1), nn.Conv2d(12, 18, 3, groups=6)
        self.norm, self.expand = nn.BatchNorm2d(18), nn.Conv2d(18, 8, 1)
        self.up, self.filter = nn.ConvTranspose2d(8, 12, 2, groups=4), nn.Conv2d(12, 24, 1, groups=12)
        self.out = nn.Conv2d(24, 2, 1)

    def forward(self, x):
        x = self.expand(F.silu(self.norm(self.grouped(F.silu(self.reduce(x))))))
        return self.out(torch.tanh(self.filter(torch.tanh(self.up(F.silu(x))))))


class Shuffled(nn.Module):
    """Groups, a channel shuffle, and groups again, beside a shortcut; then halves, of which one goes through layers."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 1)
        self.narrow, self.depthwise = nn.Conv2d(8, 16, 1, groups=2), nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.widen = nn.Conv2d(16, 8, 1, groups=4)
        self.first, self.filter = nn.Conv2d(4, 6, 1), nn.Conv2d(6, 6, 3, padding=1, groups=6)
        self.second, self.out = nn.Conv2d(6, 4, 1), nn.Conv2d(8, 3, 1)

    @staticmethod
    def shuffled(x, groups):
        return x.unflatten(1, (groups, -1)).transpose(1, 2).flatten(1, 2)

    def forward(self, x):
        x = torch.tanh(self.stem(x))
        x = x + self.widen(self.depthwise(self.shuffled(torch.tanh(self.narrow(x)), 2)))
        one, two = x.chunk(2, 1)
        two = self.second(self.filter(torch.tanh(self.first(two))))
        return self.out(self.shuffled(torch.cat([one, torch.tanh(two)], 1), 2))


class SharedKeys(nn.Module):
    """Query heads under one key and value head, all from one projection; half of each head is turned by position."""

    def __init__(self):
        super().__init__()
        self.qkv, self.project, self.out, self.width = nn.Linear(12, 24), nn.Linear(16, 9), nn.Linear(9, 2), 16

    @staticmethod
    def turned(x):
        first, rest = x[..., :2], x[..., 2:]
        return torch.cat([first + torch.cat([-first[..., 1:], first[..., :1]], -1) / 2, rest], -1)

    def forward(self, x):
        q, k, v = self.qkv(x).split((self.width, 4, 4), -1)
        q = self.turned(q.unflatten(-1, (-1, 4)).transpose(1, 2))
        y = F.scaled_dot_product_attention(q, self.turned(k[:, None]), v[:, None])
        return self.out(torch.tanh(self.project(y.transpose(1, 2).flatten(2))))


class Slopes(nn.Module):
    """Queries, keys and values head by head in one projection, and a slope for each head in the scores."""

    def __init__(self):
        super().__init__()
        self.qkv, self.project, self.out, self.heads = nn.Linear(12, 48), nn.Linear(16, 9), nn.Linear(9, 2), 4
        self.register_buffer("slopes", 2.0 ** -torch.arange(1.0, 5.0))

    def forward(self, x):
        heads = self.qkv(x).unflatten(-1, (self.heads, 3, 4)).transpose(1, 2)
        q, k, v = heads[..., 0, :], heads[..., 1, :], heads[..., 2, :]
        bias = self.slopes[:, None, None] * torch.arange(x.shape[1])
        y = ((q @ k.mT) / 2 + bias.to(x)).softmax(-1) @ v
        return self.out(torch.tanh(self.project(y.transpose(1, 2).flatten(2))))


INPUTS = {
    UNet: (3, 8, 8),
    Growing: (3, 6, 6),
    Neck: (3, 6, 6),
    Fire: (3, 5, 5),
    Sliced: (5,),
    Imported: (3, 6, 6),
    Cardinal: (3, 6, 6),
    Shuffled: (3, 5, 5),
    SharedKeys: (6, 12),
    Slopes: (6, 12),
}
