"""The studies of the detectors and of the ResNet on small networks of their kind: they run, and print their tables."""

import sys

import pytest

torch = pytest.importorskip("torch", reason="the face of torch needs torch, an extra")
pytest.importorskip("PIL", reason="the pictures are read with Pillow")


class Detector(torch.nn.Module):
    """Four numbers, and whether it is a face."""

    def __init__(self):
        super().__init__()
        self.conv, self.box, self.face = torch.nn.Conv2d(3, 12, 5), torch.nn.Linear(12, 4), torch.nn.Linear(12, 2)

    def forward(self, x):
        """Two outputs."""
        z = torch.relu(self.conv(x)).mean((2, 3))
        return self.box(z), self.face(z).softmax(1)


def drawn(count, size, seed, part, **_):
    """Samples without pictures: noise of some brightness."""
    generator = torch.Generator().manual_seed(2 * seed + part)
    x = torch.randn(count, 3, size, size, generator=generator) + torch.randn(count, 3, 1, 1, generator=generator)
    return x.clamp(-1, 1)


def test_the_study_of_the_detectors(examples, monkeypatch, capsys):
    import detectors

    model = Detector().eval()
    monkeypatch.setattr(detectors, "network", lambda name: model)
    monkeypatch.setattr(detectors, "samples", drawn)
    monkeypatch.setattr(detectors, "SIZES", {"RNet": 8})
    monkeypatch.setattr(sys, "argv", ["detectors.py", "--samples", "1600", "--networks", "RNet"])
    detectors.main()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in capsys.readouterr().out.splitlines() if line]
    errors = {row[1]: float(row[5]) for row in rows if row[0] == "RNet"}
    assert len(errors) == 5
    assert errors["default"] < errors["activation norm + least squares"]
    kinds = {row[0]: row[1:] for row in rows[7:]}
    assert {"of the same kind", "noise"} <= set(kinds)
    assert all(len(cells) == 3 for cells in kinds.values())


def test_the_resnet_sees_images_shifted_and_mirrored(examples):
    import train_resnet

    x = torch.zeros(50, 1, 28, 28)
    x[:, 0, 10, 5] = 1
    for _ in range(5):
        found = train_resnet.augmented(x)
        assert found.shape == x.shape
        rows, columns = found[:, 0].nonzero(as_tuple=True)[1:]
        assert len(rows) == 50
        assert rows.unique().numel() == 1
        assert abs(int(rows[0]) - 10) <= train_resnet.SHIFT
        assert len(columns.unique()) == 2  # as they were, and mirrored
        assert int(columns.min()) + int(columns.max()) == 27
        assert abs(int(columns.min()) - 5) <= train_resnet.SHIFT
    assert sum(each.numel() for each in train_resnet.resnet().parameters()) == 174_970
