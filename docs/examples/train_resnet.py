"""Train a ResNet with batch norm on Fashion-MNIST: 175,000 parameters, ten minutes on two cores.

    python docs/examples/train_resnet.py --data-dir FOLDER --out fashion_resnet.safetensors

FOLDER holds the four .gz files of Fashion-MNIST. Three stages of two residual blocks, 16, 32 and 64 channels wide
(K. He, X. Zhang, S. Ren, J. Sun, CVPR 2016, arXiv:1512.03385), SGD with Nesterov's momentum, one cycle of the learning
rate, images shifted and mirrored. The test images are read once, after training, to print the accuracy.
"""

import argparse
import time
from pathlib import Path

import torch
from files import DEBIAN_DIR, check_folder, fashion_mnist, inputs
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

CHANNELS = (16, 32, 64)
BLOCKS = 2  # of a stage
SHIFT = 2  # pixels, at most


class Block(nn.Module):
    """``relu(x' + f(x))``, f two convolutions with batch norm and x' the input, or a projection of it."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride > 1:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        return functional.relu(y + self.shortcut(x))


def resnet() -> nn.Sequential:
    """The network, untrained; images are (n, 1, 28, 28)."""
    layers = [nn.Conv2d(1, CHANNELS[0], 3, padding=1, bias=False), nn.BatchNorm2d(CHANNELS[0]), nn.ReLU()]
    before = CHANNELS[0]
    for channels in CHANNELS:
        for i in range(BLOCKS):
            layers.append(Block(before, channels, stride=1 if i or channels == before else 2))
            before = channels
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 10))


def pixels(images) -> torch.Tensor:
    """What the network takes."""
    return torch.as_tensor(inputs(images)).reshape(-1, 1, 28, 28)


def augmented(x: torch.Tensor) -> torch.Tensor:
    """The images shifted by up to two pixels, all of a batch alike, and half of them mirrored."""
    top, left = torch.randint(2 * SHIFT + 1, (2,)).tolist()
    x = functional.pad(x, [SHIFT] * 4)[:, :, top : top + 28, left : left + 28]
    return torch.where(torch.rand(len(x), 1, 1, 1) < 0.5, x.flip(3), x)


def accuracy(model: nn.Module, x: torch.Tensor, labels: torch.Tensor) -> float:
    """The share of images whose class is found."""
    model.eval()
    with torch.no_grad():
        found = torch.cat([model(part).argmax(1) for part in x.split(500)])
    return float((found == labels).float().mean())


def train(model, x, labels, *, epochs: int, batch: int, rate: float, short: bool) -> None:
    """SGD with momentum 0.9 and weight decay 5e-4; `short` multiplies in bfloat16."""
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9, weight_decay=5e-4, nesterov=True)
    steps = len(x) // batch
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * steps)
    model.train()
    for epoch in range(epochs):
        began = time.perf_counter()
        for chosen in torch.randperm(len(x))[: steps * batch].reshape(-1, batch):
            optimizer.zero_grad()
            with torch.autocast("cpu", enabled=short):
                logits = model(augmented(x[chosen]))
            functional.cross_entropy(logits.float(), labels[chosen], label_smoothing=0.1).backward()
            optimizer.step()
            cycle.step()
        print(f"epoch {epoch + 1} of {epochs}: {time.perf_counter() - began:.0f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data-dir", type=Path, default=DEBIAN_DIR)
    parser.add_argument("--out", type=Path, default=Path("fashion_resnet.safetensors"))
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--bfloat16", action="store_true", help="half the time where the processor has it")
    args = parser.parse_args()
    check_folder(args.out.parent)

    torch.manual_seed(0)
    model = resnet().to(memory_format=torch.channels_last)
    images, labels = fashion_mnist("train", args.data_dir)
    settings = {"epochs": args.epochs, "batch": 128, "rate": 0.2, "short": args.bfloat16}
    train(model, pixels(images), torch.tensor(labels).long(), **settings)
    model = model.to(memory_format=torch.contiguous_format)
    save_file(model.state_dict(), args.out)
    images, labels = fashion_mnist("t10k", args.data_dir)
    count = sum(each.numel() for each in model.parameters())
    print(
        f"{args.out}: {count:,} parameters, test accuracy {accuracy(model, pixels(images), torch.tensor(labels)):.2%}"
    )


if __name__ == "__main__":
    main()
