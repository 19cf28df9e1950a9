"""BLAS has one thread for narrow models, where the command line computes."""

import sys

import numpy as np
import pytest

from rrqr_lapack.prune import Dense, Network, save
from rrqr_lapack.prune._command import cli
from rrqr_lapack.prune._command.threads import WIDE, fitting
from rrqr_lapack.prune._network.dense import NetworkFace

pool = pytest.importorskip("threadpoolctl")


def threads():
    """Of each BLAS in the process."""
    return {info["num_threads"] for info in pool.threadpool_info() if info["user_api"] == "blas"}


def face(width):
    """A network whose only hidden layer is so wide."""
    return NetworkFace(Network([Dense(np.ones((2, width))), Dense(np.ones((width, 2)))]))


@pytest.mark.parametrize(("width", "expected"), [(8, {1}), (WIDE - 1, {1}), (WIDE, {2})])
def test_narrow_models_take_one_thread_and_wide_ones_all(width, expected):
    with pool.threadpool_limits(2, "blas"):
        with fitting(face(width)):
            assert threads() == expected
        assert threads() == {2}


def test_without_threadpoolctl_nothing_is_limited(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    with pool.threadpool_limits(2, "blas"), fitting(face(8)):
        assert threads() == {2}


@pytest.mark.parametrize("command", [["plan"], ["compress", "-o", "small.npz"]], ids=["plan", "compress"])
def test_the_commands_limit_the_threads(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng, seen = np.random.default_rng(0), []
    save(
        Network([Dense(rng.standard_normal((4, 8)), activation="relu"), Dense(rng.standard_normal((8, 2)))]),
        "model.npz",
    )
    np.save("X.npy", rng.standard_normal((100, 4)))
    planned = cli._planned
    monkeypatch.setattr(cli, "_planned", lambda *given: (seen.append(threads()), planned(*given))[1])
    with pool.threadpool_limits(2, "blas"):
        assert cli.main([command[0], "model.npz", "--data", "X.npy", "--keep", "0.5", *command[1:]]) == 0
    assert seen == [{1}]
