"""Calls on small matrices: one by one, on stacks, and on tensors beside ndarrays."""

import time
from importlib import import_module

import numpy as np
from threadpoolctl import threadpool_limits

import rrqr_lapack

from . import race, report
from .machine import machine, machine_line
from .race import Case

SIZES = (4, 16, 64, 128)
STACKS = ((10_000, 16, 16), (1_000, 64, 64))
CALLS = ("auto r", "auto economic", "auto ID", "qr pivoted r", "qr pivoted economic", "scipy r", "scipy economic")
BATCHES = ("auto economic", "qr pivoted economic", "scipy economic")  # stacks: SciPy 1.16 or newer
TRIANGLES = ("auto r", "qr pivoted r", "scipy r")
TENSORS = {
    "qr": lambda a: rrqr_lapack.qr(a, pivoting=True),
    "qr_truncated": rrqr_lapack.qr_truncated,
    "interpolative_decomposition": rrqr_lapack.interpolative_decomposition,
    "TruncatedQR": rrqr_lapack.TruncatedQR,
    "select_columns": rrqr_lapack.select_columns,
    "strong_rrqr": rrqr_lapack.strong_rrqr,
    "range_finder": lambda a: rrqr_lapack.range_finder(a, 3, rng=0),
    "randomized_svd": lambda a: rrqr_lapack.randomized_svd(a, 3, rng=0),
    "TallQR": rrqr_lapack.TallQR,
}


def tensors(repeats):
    """Header and rows: microseconds of a call on an 8 x 8 ndarray and on the same as a tensor of PyTorch.

    The calls take turns, and of each the tenth percentile counts, which other work on the machine does not reach.
    """
    a = np.random.default_rng(0).standard_normal((8, 8))
    pair = a, import_module("torch").from_numpy(a)
    rows = []
    for name, call in TENSORS.items():
        times = np.empty((repeats, 2))
        for i, j in np.ndindex(times.shape):
            start = time.perf_counter()
            call(pair[j])
            times[i, j] = time.perf_counter() - start
        ours, theirs = 1e6 * np.percentile(times, 10, axis=0)
        rows.append([name, f"{ours:.1f}", f"{theirs:.1f}", f"{theirs - ours:.1f}"])
    return ("call, us", "ndarray", "tensor", "difference"), rows


def measure(shapes, names, threads, budget):
    """Header and rows: the time of a call of each method, and how many times as fast as the last of them ours are."""
    outcomes = [
        race.run(Case("gaussian", shape), names, threads, budget) for shape in report.progress(shapes, "racing")
    ]

    def cell(outcome, name):
        time = report.seconds(outcome.timings.median(name))
        return f"{time} ({outcome.timings.speedup(name, names[-1]):.2f}x)"

    header = (f"time (speed beside {names[-1]})", *names, "largest error")
    return header, [
        [o.case.size, *(cell(o, name) for name in names), f"{max(o.errors.values()):.1e}"] for o in outcomes
    ]


def main(args):
    if args.tensors:
        with threadpool_limits(args.threads):
            table = tensors(20 if args.quick else 1500)
        print(f"{machine_line()}; threads: {args.threads}.\n")
        report.print_table(*table)
        if args.json:
            report.write_json(args.json, {"machine": machine(), "threads": args.threads, "tensors": table})
        return
    stacks = [(count // 100, *shape) for count, *shape in STACKS] if args.quick else STACKS
    calls = measure([(n, n) for n in SIZES], CALLS, args.threads, args.budget)
    batches = measure(stacks, BATCHES, args.threads, args.budget)
    triangles = measure(stacks, TRIANGLES, args.threads, args.budget)
    print(f"{machine_line()}; threads: {args.threads}.\n")
    report.print_table(*calls)
    print()
    report.print_table(*batches)
    print()
    report.print_table(*triangles)
    if args.json:
        tables = {"calls": calls, "batches": batches, "triangles": triangles}
        report.write_json(args.json, {"machine": machine(), "threads": args.threads, **tables})


def options(command):
    command.add_argument("--threads", type=int, default=2, metavar="N")
    command.add_argument("--tensors", action="store_true", help="only tensors of PyTorch beside ndarrays")
