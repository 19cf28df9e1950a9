"""The ``rrqr`` command."""

from __future__ import annotations

import argparse
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path

from . import __version__


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; the usage is in --help."""

    def error(self, message):
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def main(argv: list[str] | None = None) -> int:
    """Run ``rrqr`` and return its exit status: 0, 1 for an error in one line on stderr, 130 when interrupted.

    Parameters
    ----------
    argv : list of str, optional
        The arguments after the command's name. Default: those of the process.

    Returns
    -------
    int

    Raises
    ------
    SystemExit
        Status 2 for arguments that cannot be parsed, 0 for ``--help`` and ``--version``.
    """
    args = _parser().parse_args(argv)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: _say(f"warning: {message}")
            args.run(args)
    except KeyboardInterrupt:
        _say("interrupted")
        return 130
    except FileExistsError as error:
        _say(f"error: {error}; --force replaces it")
        return 1
    except (ValueError, TypeError, ArithmeticError, OSError, ImportError, MemoryError) as error:
        _say(f"error: {error}" if str(error) else f"error: {type(error).__name__}")
        return 1
    return 0


def _say(message):
    """One line on stderr."""
    print("rrqr:", *message.split(), file=sys.stderr)


def _parser():
    parser = _Parser(prog="rrqr", description="Make trained networks smaller with interpolative decompositions.")
    parser.add_argument("--version", action="version", version=f"rrqr {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    demo = commands.add_parser(
        "demo", help="compress a Fashion-MNIST network; tables and plots of accuracy against size"
    )
    demo.add_argument(
        "-o",
        "--out",
        type=Path,
        default=Path("rrqr-demo"),
        metavar="DIR",
        help="folder for the plots [%(default)s]",
    )
    demo.add_argument("--data-dir", type=Path, metavar="DIR", help="folder with the four .gz files of Fashion-MNIST")
    demo.add_argument("--force", action="store_true", help="replace existing files")
    demo.set_defaults(run=_demo)

    job = commands.add_parser("compress", help="compress your own network")
    job.add_argument("model", type=Path, metavar="MODEL", help=".npz or .safetensors, from rrqr_lapack.prune.save")
    job.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="X.npy",
        help="calibration samples, one row each, as the network takes them",
    )
    budget = job.add_mutually_exclusive_group(required=True)
    budget.add_argument(
        "--eps",
        type=float,
        metavar="E",
        help="each layer keeps k columns: |r_{k+1,k+1}| <= E |r_11|, 0 <= E < 1",
    )
    budget.add_argument(
        "--keep", type=float, metavar="F", help="each layer keeps this fraction of its columns, 0 < F <= 1"
    )
    budget.add_argument("--ranks", type=_integers, metavar="K,K,...", help="columns to keep, one number a layer")
    job.add_argument(
        "--layers",
        type=_integers,
        metavar="I,I,...",
        help="layers to compress, counted from 0 [all but the last]",
    )
    job.add_argument("--refit", action="store_true", help="refit each correction to what the layers before it lost")
    job.add_argument("-o", "--out", type=Path, required=True, metavar="OUT", help=".npz or .safetensors")
    job.add_argument("--report", type=Path, metavar="R.json", help="write the report here too")
    job.add_argument("--force", action="store_true", help="replace existing files")
    job.set_defaults(run=_compress)
    return parser


def _integers(text):
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of integers like 64,64") from None


def _demo(args):
    from .prune.demo import run

    run(args.out, data_dir=args.data_dir, overwrite=args.force)


def _compress(args):
    from .prune import compress, load, save
    from .prune.atomic import refuse_existing
    from .prune.files import check_format

    outputs = [check_format(args.out)] + ([args.report] if args.report else [])
    for path in outputs:
        refuse_existing(path, args.force)
    if args.report == args.out:
        raise ValueError(f"--report and --out are both {args.out}; give two names")
    network, X = load(args.model), _samples(args.data)
    with _progress() as progress:
        small, report = compress(
            network,
            X,
            eps=args.eps,
            keep=args.keep,
            ranks=args.ranks,
            layers=args.layers,
            refit="asymmetric" if args.refit else None,
            progress=progress,
        )
    save(small, args.out, overwrite=args.force)
    if args.report:
        report.to_json(args.report, overwrite=args.force)
    print(report)
    print("wrote", *outputs)


def _samples(path):
    """The array of a .npy file, memory-mapped; a file with Python objects in it is refused."""
    from numpy.lib.format import open_memmap

    try:
        return open_memmap(path, mode="r")
    except ValueError as error:
        raise ValueError(f"{path} is not a readable .npy file: {error}") from error


@contextmanager
def _progress():
    """A callback that draws a bar on stderr, or none where rich is not installed."""
    try:
        from rich.console import Console
        from rich.progress import Progress
    except ImportError:
        yield None
        return
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("compressing", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
