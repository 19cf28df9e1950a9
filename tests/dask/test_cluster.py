"""On a cluster of two workers in processes of their own: what is lost with one, and what each holds."""

import os
import signal
import threading
import time
import tracemalloc

import numpy as np
import pytest

pytest.importorskip("dask.array", reason="the face for Dask needs Dask, an extra")
pytest.importorskip("distributed", reason="a cluster needs distributed, which the extra dask has")

import dask
import dask.array as da
import distributed

from rrqr_lapack.dask import interpolative_decomposition, limit_blas_threads, qr_truncated, randomized_svd
from rrqr_lapack.dask._layers import SPLIT_EVERY

# of distributed's own: sockets and loops that a killed worker leaves, and what it says of the load of this machine
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:.*:UserWarning:distributed"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
MEMORY = 300 << 20  # bytes of a worker, of which the imports take about a half
RECORDS = 16 << 10  # bytes of distributed's own for a block, of its tasks, keys and transitions; measured: 10 kB


@pytest.fixture(scope="module")
def client():
    quiet = {
        "distributed.admin.tick.limit": "1h",
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.target": False,
        "distributed.comm.retry.count": 3,
    }
    with (
        dask.config.set(quiet),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, memory_limit=MEMORY, dashboard_address=None, silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def cluster_runs(client):
    """The scheduler of the other tests, one task after the other, gives way to the cluster's."""
    with dask.config.set(scheduler="distributed"):
        yield client


def block(seed, rows, n):
    """Columns of sizes from 1 to 1e-2."""
    return np.random.default_rng(seed).standard_normal((rows, n)) * np.geomspace(1, 1e-2, n)


def in_blocks(count, rows, n, make=block):
    parts = [da.from_delayed(dask.delayed(make, pure=True)(i, rows, n), (rows, n), float) for i in range(count)]
    return da.concatenate(parts)


def test_results_are_those_of_one_process(cluster_runs):
    x = in_blocks(3, 100, 20).rechunk((150, 11))
    F, svd = qr_truncated(x, rank=8), randomized_svd(x, 4, n_power_iter=0, by="sketch", rng=0)
    there = [each.compute() for each in dask.compute(F, svd)]
    Q = F.form_q().compute()
    with dask.config.set(scheduler="synchronous"):
        here = dask.compute(F, svd)
        assert np.allclose(Q, F.form_q().compute())
    assert np.array_equal(there[0].P, here[0].P)
    assert np.allclose(there[0].R, here[0].R)
    assert np.allclose(there[1].s, here[1].s)


def test_a_worker_that_is_killed_changes_nothing(cluster_runs, tmp_path):
    mark = tmp_path / "killed"

    def fatal(i, rows, n):
        """One block of the second half kills the worker that makes it, once."""
        if i == 9 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return block(i, rows, n)

    lazy = interpolative_decomposition(in_blocks(12, 200, 16, fatal), rank=6)
    found = lazy.compute()
    assert mark.exists()
    with dask.config.set(scheduler="synchronous"):
        alone = interpolative_decomposition(in_blocks(12, 200, 16), rank=6).compute()
    assert np.array_equal(found.columns, alone.columns)
    assert np.array_equal(found.coefficients, alone.coefficients)
    assert found.error == alone.error
    cluster_runs.wait_for_workers(2, timeout=60)


def test_a_matrix_larger_than_the_workers_passes_in_the_stated_memory(cluster_runs):
    """0.64 GB beside 0.63: a worker holds two blocks (one is being made), an eighth, a node, and three triangles a
    level that wait for theirs; and distributed its records of each block."""
    rows, n, count, levels = 1 << 14, 64, 76, 4
    nbytes = 8 * rows * n
    assert count * nbytes > 2 * MEMORY
    assert SPLIT_EVERY**levels >= count
    qr_truncated(in_blocks(2, 100, n), rank=10).compute()  # what is imported, and kept for ever
    cluster_runs.run(tracemalloc.start)
    found = qr_truncated(in_blocks(count, rows, n), rank=10).compute()
    peaks = cluster_runs.run(lambda: tracemalloc.get_traced_memory()[1])
    cluster_runs.run(tracemalloc.stop)
    triangle = 8 * 256 * n
    node, waiting = (SPLIT_EVERY + 3) * triangle, (SPLIT_EVERY - 1) * levels * triangle
    assert len(peaks) == 2
    assert nbytes < max(peaks.values()) < (2 + 1 / 8) * nbytes + node + waiting + RECORDS * count
    assert found.P[:10].tolist() == list(range(10))


def test_ctrl_c_ends_a_call_and_takes_its_tasks_back(cluster_runs):
    def slow(i, rows, n):
        time.sleep(0.2)
        return block(i, rows, n)

    lazy = qr_truncated(in_blocks(200, 30, 4, slow))
    main = threading.main_thread().ident
    timer = threading.Timer(1, lambda: signal.pthread_kill(main, signal.SIGINT))
    timer.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        lazy.compute()
    took = time.monotonic() - began
    timer.join()
    tasks = cluster_runs.cluster.scheduler.tasks
    while tasks and time.monotonic() - began < 15:
        time.sleep(0.05)
    assert not tasks  # 20 s of work
    assert took < 6  # measured: 1.8 beside other work, all that the test does included


def test_blas_has_one_thread_in_a_worker_and_as_many_as_are_asked_for(cluster_runs):
    def threads():
        import scipy.linalg  # noqa: F401
        from threadpoolctl import threadpool_info

        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    assert set().union(*cluster_runs.run(threads).values()) == {1}
    limit_blas_threads(cluster_runs, 2)
    assert set().union(*cluster_runs.run(threads).values()) == {2}
    limit_blas_threads(cluster_runs)
    assert set().union(*cluster_runs.run(threads).values()) == {1}
