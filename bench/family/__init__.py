"""The family of factorizations beside its peers: one module a concept.

A module has `measure(quick, threads, budget)`, which returns the table's columns and an iterable of its rows, and races
by `bench.timing.race`. The error stands beside each time.
"""

import importlib
import pkgutil

from .. import report
from ..machine import machine, machine_line


def options(command):
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    command.add_argument("concept", choices=names, help="what to race")
    command.add_argument("--threads", type=int, default=2, metavar="N")


def main(args):
    concept = importlib.import_module(f".{args.concept}", __package__)
    columns, rows = concept.measure(args.quick, args.threads, args.budget)
    print(f"{machine_line()}; threads: {args.threads}.\n")
    if args.quick:
        print("Small sizes: this checks the program, not the speed.\n")
    done = []
    for row in report.stream_table(columns, (dict(zip(columns, row, strict=True)) for row in rows)):
        done.append(row)
        if args.json:
            report.write_json(args.json, {"machine": machine(), "threads": args.threads, args.concept: done})
