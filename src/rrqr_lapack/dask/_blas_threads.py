"""Threads that BLAS takes in a worker: one a thread of the worker, or as many as the worker has processors for it."""

from typing import Any

from .._common.arrays import check_count


def limit_blas_threads(client: Any, threads: int = 1) -> None:
    """Limit the threads of BLAS in each worker of a cluster, also in those that come later.

    Dask starts workers in processes of their own with one thread for BLAS, by ``OMP_NUM_THREADS``. Workers that live in
    another process, as those of ``LocalCluster(processes=False)`` or of a batch system, take what they find: as many
    for each task as there are processors.

    Parameters
    ----------
    client : distributed.Client
        Of the cluster.
    threads : int, optional
        Threads of BLAS in a worker, at least 1.

    Raises
    ------
    TypeError, ValueError
        `threads` is no integer of at least 1.
    ImportError
        threadpoolctl or distributed is not installed; the extra ``[dask]`` has both.

    Examples
    --------
    >>> from distributed import Client, LocalCluster  # doctest: +SKIP
    >>> from rrqr_lapack.dask import limit_blas_threads
    >>> client = Client(LocalCluster(processes=False))  # doctest: +SKIP
    >>> limit_blas_threads(client)  # doctest: +SKIP
    """
    threads = check_count("threads", threads, 1)
    from distributed import WorkerPlugin

    class BlasThreads(WorkerPlugin):
        """Sets the limit when a worker starts, and takes it back when it goes."""

        name = "rrqr_lapack-blas-threads"

        def setup(self, worker: Any) -> None:
            from threadpoolctl import threadpool_limits

            self.limits = threadpool_limits(threads, "blas")

        def teardown(self, worker: Any) -> None:
            self.limits.restore_original_limits()

    client.register_plugin(BlasThreads())
