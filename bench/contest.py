"""One matrix and the methods that are named, those of a shared library among them."""

from . import external, race, report
from .machine import machine, machine_line
from .matrices import MATRICES
from .race import Case

NAMES = ("auto r", "randomized r", "geqp3", "geqrf")
COLUMNS = ("method", "time", "beside the first", "GFLOP/s", "error", "same pivots")


def rows(outcome, names):
    """A row for each method: its time, how many times as fast as it the first one is, its rate, error and pivots."""
    first, *_ = names
    for name in names:
        rate, error = outcome.gflops(name), outcome.errors.get(name)
        both = name in outcome.pivots and first in outcome.pivots
        yield (
            name,
            report.seconds(outcome.timings.median(name)),
            f"{outcome.timings.speedup(first, name):.2f}",
            "" if rate is None else f"{rate:.1f}",
            "" if error is None else f"{error:.1e}",
            f"{outcome.agreeing(first, name)}/{outcome.case.steps}" if both else "",
        )


def main(args):
    names = list(args.methods)
    for path in args.peer:
        added = external.methods(path)
        race.METHODS.update(added)
        names += added
    unknown = [name for name in names if name not in race.METHODS]
    if unknown:
        raise SystemExit(f"no method is called {unknown[0]!r}; there are {', '.join(sorted(race.METHODS))}")
    case = Case(args.matrix, tuple(args.shape), args.rank, args.dtype)
    outcome = race.run(case.smaller(10) if args.quick else case, names, args.threads, args.budget)
    print(f"{machine_line()}; threads: {args.threads}; {outcome.case}.\n")
    report.print_table(COLUMNS, rows(outcome, names))
    if args.json:
        seconds = {name: list(times) for name, times in outcome.timings.seconds.items()}
        figures = {"case": str(outcome.case), "threads": args.threads, "seconds": seconds, "errors": outcome.errors}
        report.write_json(args.json, {"machine": machine(), **figures})


def options(command):
    command.add_argument("--matrix", choices=sorted(MATRICES), default="gaussian")
    command.add_argument("--shape", type=int, nargs=2, default=(2000, 2000), metavar=("M", "N"))
    command.add_argument("--rank", type=int, metavar="K", help="steps, all by default")
    command.add_argument("--dtype", choices=("float32", "float64", "complex64", "complex128"), default="float64")
    command.add_argument("--methods", nargs="+", default=NAMES, metavar="NAME", help=f"default: {', '.join(NAMES)}")
    command.add_argument(
        "--peer", action="append", default=[], metavar="LIBRARY", help="a shared library, see bench/external.py"
    )
    command.add_argument("--threads", type=int, default=2, metavar="N")
