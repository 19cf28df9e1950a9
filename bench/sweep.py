"""Where the drop-in could lose: its time beside the same call of SciPy's over sizes, shapes, threads and dtypes."""

import json
import multiprocessing
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from . import race, report
from .machine import machine, machine_line
from .race import Case

SIZES = (1, 2, 4, 8, 16, 32, 48, 64, 96, 128, 160, 200, 256, 300, 400, 500, 700, 1000, 1400, 2000, 4000)
OBLONG = ((2000, 20), (20, 2000), (5000, 100), (100, 5000), (20000, 500), (500, 20000))
STACKS = ((1000, 8, 8), (1000, 16, 16), (200, 64, 64))
DTYPES = ("float32", "float64", "complex64", "complex128")
MODES = ("r", "economic")
COLUMNS = ("SciPy's time over ours", "shape", "mode", "dtype", "threads", "ours", "SciPy's", "SciPy", "machine")


def cases(dtypes, largest):
    """Squares from 1 to 4000, tall and wide ones, and stacks."""
    shapes = [(n, n) for n in SIZES] + list(OBLONG + STACKS)
    return [Case("gaussian", shape, None, dtype) for dtype in dtypes for shape in shapes if max(shape) <= largest]


@contextmanager
def busy(wanted):
    """While another process keeps one core at work, where that is wanted."""
    other = multiprocessing.get_context("spawn").Process(target=_work, daemon=True)
    if wanted:
        other.start()
    try:
        yield
    finally:
        if wanted:
            other.terminate()
            other.join()


def _work():
    a = np.ones((500, 500))
    with threadpool_limits(1):
        while True:
            a = a @ a / 500


def measure(wanted, modes, threads, budget):
    """A row, as a dict with the keys `COLUMNS`, for each case, mode and number of threads."""
    about = machine()
    for case in report.progress(wanted, "racing"):
        for mode in modes:
            ours, theirs = f"qr pivoted {mode}", f"scipy {mode}"
            for count in threads:
                timings = race.run(case, (ours, theirs), count, budget).timings
                yield dict(
                    zip(
                        COLUMNS,
                        (
                            timings.speedup(ours, theirs), case.size, mode, case.dtype, count,
                            timings.median(ours), timings.median(theirs), about["scipy"], about["cpu"],
                        ),
                        strict=True,
                    )
                )  # fmt: skip


def shown(row):
    """The row in words."""
    times = {name: report.seconds(row[name]) for name in ("ours", "SciPy's")}
    return list((row | times | {COLUMNS[0]: f"{row[COLUMNS[0]]:.2f}"}).values())


def main(args):
    if args.tables:
        rows = [row for path in args.tables for row in json.loads(Path(path).read_text())["rows"]]
    else:
        wanted = cases(args.dtypes, min(args.largest, 64) if args.quick else args.largest)
        with busy(args.busy):
            rows = list(measure(wanted, args.modes, args.threads, args.budget))
        load = "; one core was kept busy by another process" if args.busy else ""
        print(f"{machine_line()}{load}.\n")
    rows.sort(key=lambda row: row[COLUMNS[0]])
    if args.json:
        report.write_json(args.json, {"machine": machine(), "busy": args.busy, "rows": rows})
    report.print_table(COLUMNS, map(shown, rows))
    slower = sum(row[COLUMNS[0]] < 1 for row in rows)
    print(f"\n{slower} of {len(rows)} cases are slower than SciPy's.")


def options(command):
    command.add_argument("--threads", type=int, nargs="+", default=(1, 2), metavar="N")
    command.add_argument("--dtypes", nargs="+", choices=DTYPES, default=DTYPES)
    command.add_argument("--modes", nargs="+", choices=MODES, default=MODES)
    command.add_argument("--largest", type=int, default=20000, metavar="N", help="leave out shapes with a longer side")
    command.add_argument("--busy", action="store_true", help="keep one core at work by another process meanwhile")
    command.add_argument(
        "--tables", nargs="+", metavar="FILE", help="measure nothing: one table of these files that --json wrote"
    )
