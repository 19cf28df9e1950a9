"""docs/files.md: its reader needs NumPy alone and computes what the network does."""

import re
from pathlib import Path

import numpy as np
import pytest
from networks import random_network

from rrqr_lapack.prune import save

PAGE = (Path(__file__).parents[2] / "docs" / "files.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("head", ["linear", "softmax"])
@pytest.mark.parametrize("activation", ["identity", "relu", "tanh", "sigmoid"])
def test_the_reader_of_the_page_runs_a_saved_network(rng, tmp_path, head, activation):
    names = {}
    for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(code, "docs/files.md", "exec"), names)
    network = random_network(rng, (4, 7, 3), activation, head=head)
    save(network, tmp_path / "network.npz")
    x = rng.standard_normal((5, 4))
    np.testing.assert_allclose(names["run"](tmp_path / "network.npz", x), network(x), rtol=1e-12)
    assert {name for name in names if not name.startswith("__")} == {"json", "np", "FUNCTIONS", "run"}
