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


INPUTS = {UNet: (3, 8, 8), Growing: (3, 6, 6), Neck: (3, 6, 6), Fire: (3, 5, 5), Sliced: (5,)}
