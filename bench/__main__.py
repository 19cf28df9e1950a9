"""Benchmarks of rrqr_lapack beside its peers."""

import argparse

from . import contest, device, family, headline, overhead, quality, scaling, stream, sweep, targets, timing

COMMANDS = {
    "headline": (headline, "the headline table, and its plot"),
    "targets": (targets, "a row for each target: measured, wanted, reached or missed"),
    "race": (contest, "one matrix and the methods that are named, those of a shared library among them"),
    "sweep": (
        sweep,
        "where the drop-in could lose: beside SciPy over shapes, threads and dtypes, worst first",
    ),
    "scaling": (scaling, "time against m, n and k with slopes, or one matrix of more than 2^31 elements"),
    "stream": (stream, "a matrix larger than memory, from a file or made: docs/out_of_core.md"),
    "overhead": (overhead, "small matrices, one by one and in stacks"),
    "quality": (quality, "the residuals that a driver's pivots leave beside the greedy ones"),
    "device": (device, "arrays where they are: on a GPU, or on the CPU through the same code"),
    "family": (family, "one concept of the family beside its peers"),
}


def parser():
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, (module, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        command.set_defaults(main=module.main)
        module.options(command)
        command.add_argument("--quick", action="store_true", help="a tenth of the size, one round: does it run?")
        command.add_argument(
            "--rounds", type=int, default=timing.Budget.rounds, metavar="N", help="least number of rounds"
        )
        command.add_argument(
            "--seconds", type=float, default=timing.Budget.seconds, metavar="S", help="go on with a race for so long"
        )
        command.add_argument("--json", metavar="FILE", help="write all figures to this file, too")
    return top


def main(arguments=None):
    """Run the command."""
    args = parser().parse_args(arguments)
    args.budget = timing.QUICK if args.quick else timing.Budget(args.rounds, args.seconds)
    args.main(args)


if __name__ == "__main__":
    main()
