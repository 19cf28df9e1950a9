"""A matrix larger than memory: factored block by block, beside what reading it, or making it, takes alone.

It has rank 60, singular values that fall by a fifth, and noise of a thousandth. From a file it is read, without one
its rows are made again in every pass. The same numbers are then 128 columns for `TallQR`.
"""

import os
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from rrqr_lapack import BlockMatrix, TallQR, generalized_nystrom, randomized_qr, randomized_svd

from . import report
from .machine import machine_line

COLUMNS = ["what", "passes", "seconds", "CPU seconds", "GB/s", "relative error", "peak MiB so far"]
WIDE, RANK, NOISE = 128, 60, 1e-3  # columns of the tall matrix, and what the square one is made of


def side(gigabytes):
    """Rows and columns of so many doubles, so that the tall matrix has whole rows."""
    return max(1, round((gigabytes * 1e9 / 8) ** 0.5 / WIDE)) * WIDE


def batches(n, rows=WIDE):
    """The rows of the square matrix, a few at a time."""
    rng = np.random.default_rng(0)
    right = rng.standard_normal((RANK, n))
    for _ in range(0, n, rows):
        block = (rng.standard_normal((rows, RANK)) * 0.8 ** np.arange(RANK)) @ right
        block += NOISE * rng.standard_normal(block.shape, np.float32)
        yield block


def written(path, n):
    """The square matrix as a .npy file, which may be there; its side."""
    if not Path(path).exists():
        out = np.lib.format.open_memmap(path, mode="w+", dtype=float, shape=(n, n))
        for i, block in enumerate(batches(n)):
            out[i * WIDE : (i + 1) * WIDE] = block
        out.flush()
    return len(np.load(path, mmap_mode="r"))


def rows_of(path, n):
    """The same numbers in rows of the tall matrix, from the file or made."""
    if path is None:
        yield from (block.reshape(-1, WIDE) for block in batches(n))
        return
    count = 2**23
    with open(path, "rb") as file:
        file.seek(os.path.getsize(path) - 8 * n * n)
        while (block := np.fromfile(file, float, count)).size:
            yield block.reshape(-1, WIDE)


def measure(path, n, rank):
    """The rows of the table."""
    matrix = (lambda: BlockMatrix(path)) if path else lambda: BlockMatrix(lambda: batches(n), shape=(n, n), dtype=float)
    gigabytes = 8 * n * n / 1e9

    def timed(what, call):
        start, cpu = time.perf_counter(), time.process_time()
        passes, error = call()
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        cells = [what, passes, f"{seconds:.1f}", f"{cpu:.1f}", f"{passes * gigabytes / seconds:.2f}", error, peak()]
        return dict(zip(COLUMNS, cells, strict=True))

    def alone():
        for _ in matrix()._blocks():
            pass
        return 1, ""

    def of(factorize):
        def call():
            a = matrix()
            found = factorize(a)
            return a.passes, f"{found.error / a.norm:.2e} ({found.error_kind})"

        return call

    def tall():
        found = TallQR().read(rows_of(path, n)).pivoted(rank=WIDE // 2)
        norm = np.hypot(found.residual_norm, np.linalg.norm(found.R))
        return 1, f"{found.residual_norm / norm:.2e} (exact)"

    yield timed("reading, its norm and NaN" if path else "making, its norm and NaN", alone)
    yield timed(f"randomized_qr, rank {rank}", of(lambda a: randomized_qr(a, rank, rng=0)))
    yield timed(f"randomized_svd, rank {rank}, power 0", of(lambda a: randomized_svd(a, rank, power=0, rng=0)))
    yield timed(f"generalized_nystrom, rank {RANK}", of(lambda a: generalized_nystrom(a, RANK, rng=0)))
    yield timed(f"TallQR of {WIDE} columns, rank {WIDE // 2}", tall)


def peak():
    """The most memory that this process ever had, in MiB; not known on Windows."""
    try:
        import resource
    except ImportError:
        return ""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**10


def main(args):
    """Print the table."""
    n = side(0.01 if args.quick else args.gigabytes)
    with threadpool_limits(args.threads):
        n = written(args.file, n) if args.file else n
        print(machine_line())
        print(f"{n} x {n} doubles, {8 * n * n / 1e9:.1f} GB, {(args.file and 'from a file') or 'made'}\n")
        rows = list(report.stream_table(COLUMNS, measure(args.file, n, 20 if args.quick else args.rank)))
        if args.json:
            report.write_json(args.json, {"side": n, "rows": rows})


def options(command):
    """Arguments of the command."""
    command.add_argument("--file", metavar="FILE.npy", help="read it from here; written if it is not there")
    command.add_argument("--gigabytes", type=float, default=20.0, metavar="G", help="size of the matrix (20)")
    command.add_argument("--rank", type=int, default=100, metavar="K", help="rank of the factorizations (100)")
    command.add_argument("--threads", type=int, default=1, metavar="T", help="threads of BLAS (1)")
