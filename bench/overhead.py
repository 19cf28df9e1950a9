"""What one call costs where the matrix is small, and what a stack of small matrices costs in one call."""

from . import race, report
from .machine import machine, machine_line
from .race import Case

SIZES = (4, 16, 64, 128)
STACKS = ((10_000, 16, 16), (1_000, 64, 64))
CALLS = ("auto r", "auto economic", "auto ID", "qr pivoted r", "qr pivoted economic", "scipy r", "scipy economic")
BATCHES = ("auto economic", "qr pivoted economic", "scipy economic")  # stacks: SciPy 1.16 or newer
TRIANGLES = ("auto r", "qr pivoted r", "scipy r")


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
