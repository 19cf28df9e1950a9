"""The ``rrqr`` command."""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from ... import __version__
from ..._common.progress import Progress
from .._analyze import Analysis
from .._error_curve import sparkline
from .._model_file import ModelFile
from .._planning.options import BUDGETS, Options
from .._planning.plans import Plan
from .._tables import table

PLANNING: dict[str, tuple[str | None, str]] = {  # the options of `plan` that are options here: metavar and words
    "eps": ("E", "each layer keeps k columns: |r_{k+1,k+1}| <= E |r_11|, 0 <= E < 1"),
    "keep": ("F", "each layer keeps this fraction of its columns, 0 < F <= 1"),
    "ranks": ("K,K,...", "columns to keep, one number a layer"),
    "params": ("N", "parameters of the whole model: a fraction up to 1, or a number"),
    "flops": ("N", "multiply-adds of the whole model, as --params"),
    "max_error": ("E", "relative error of the outputs, on samples held out"),
    "method": (
        None,
        "which columns first: id, weighted, forward; magnitude, random, ... [the best held out]",
    ),
    "correction": (None, "lstsq or none [lstsq; none for the baselines]"),
    "affine": (None, "absorb the mean in the next layer's bias [with a refit]"),
    "refit": (None, "auto, asymmetric or none: what the corrections make up for of the layers before them [auto]"),
    "allocation": (None, "uniform, global or sensitivity [the best on samples held out]"),
    "round_to": ("N", "widths in columns are multiples of N"),
    "seed": (None, "of the method random"),
}


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; the usage is in --help."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def main(argv: list[str] | None = None) -> int:
    """Run ``rrqr`` and return its exit status: 0, or 1 for an error in one line on stderr.

    As of commands that a signal ends, it is 130 when interrupted, and 141, without a word, when nobody reads on
    (``rrqr plan ... | head -1``).

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
        _flush()
    except KeyboardInterrupt:
        _say("interrupted")
        return 130
    except BrokenPipeError:
        _discard()
        return 141
    except FileExistsError as error:
        _say(f"error: {error}".replace("overwrite=True", "--force"))
        return 1
    except (ValueError, TypeError, ArithmeticError, OSError, ImportError, MemoryError, RuntimeError) as error:
        _say(f"error: {error}" if str(error) else f"error: {type(error).__name__}")
        return 1
    return 0


def _flush() -> None:
    """Write out what was printed, while an error can still be told."""
    try:
        sys.stdout.flush()
    except OSError:
        _discard()
        raise


def _discard() -> None:
    """Let what cannot be written go nowhere: Python would try again when it ends, and print a traceback."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(message: str) -> None:
    """One line on stderr."""
    print("rrqr:", *message.split(), file=sys.stderr)


def _parser() -> _Parser:
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
    _add_model(job)
    budget = _add_budgets(job)
    budget.add_argument("--plan", type=Path, metavar="P.json", help="a plan that `rrqr plan` wrote")
    job.add_argument(
        "-o", "--out", type=Path, required=True, metavar="OUT", help="file, or folder, of the smaller model"
    )
    job.add_argument("--report", type=Path, metavar="R.json", help="write the report here too")
    _add_writing(job)
    job.set_defaults(run=_compress)

    job = commands.add_parser("plan", help="say what would stay of your network under a budget")
    _add_model(job)
    _add_budgets(job)
    job.add_argument("-o", "--out", type=Path, metavar="P.json", help="write the plan here, for `rrqr compress --plan`")
    _add_writing(job)
    job.set_defaults(run=_plan)
    return parser


def _add_model(job: argparse.ArgumentParser) -> None:
    job.add_argument(
        "model",
        type=Path,
        metavar="MODEL",
        help="folder of a model of transformers; .npz or .safetensors from rrqr_lapack.prune.save; .pt, .pth, .ckpt, "
        ".bin or .safetensors of PyTorch, with --class",
    )
    job.add_argument(
        "--class",
        dest="make",
        metavar="MODULE:NAME",
        help="for PyTorch: the class or function that makes the model, without arguments",
    )
    job.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="X.npy",
        help="calibration samples, one row each, as the network takes them; .npz for named arguments (PyTorch); "
        ".txt for a folder with a tokenizer",
    )
    job.add_argument("--residual", action="store_true", help="for PyTorch: residual streams are made narrower too")
    job.add_argument("--batch-size", type=int, metavar="N", help="for PyTorch: samples that run at a time [64]")


def _add_budgets(job: argparse.ArgumentParser) -> argparse._MutuallyExclusiveGroup:
    group = job.add_mutually_exclusive_group(required=True)
    for name, (metavar, words) in PLANNING.items():  # without defaults here: those of `plan` hold
        where, flag = group if name in BUDGETS else job, _flag(name)
        if name == "affine":
            where.add_argument(flag, action=argparse.BooleanOptionalAction, help=words)
        else:
            number = float if name in BUDGETS else int if isinstance(getattr(Options, name), int) else str
            reader = _integers if name == "ranks" else number
            where.add_argument(flag, type=reader, metavar=metavar, help=words)
    job.add_argument(
        "--layers", type=_integers, metavar="I,I,...", help="layers to compress, counted from 0 [all that can be]"
    )
    return group


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _add_writing(job: argparse.ArgumentParser) -> None:
    job.add_argument("--plot", type=Path, metavar="P.png", help="draw the rank-error curves and what is kept")
    job.add_argument("--force", action="store_true", help="replace existing files")


def _integers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be integers like 64,64, got {text!r}") from None


def _demo(args: argparse.Namespace) -> None:
    from .demo import run

    run(args.out, data_dir=args.data_dir, overwrite=args.force, watch=_progress)


def _compress(args: argparse.Namespace) -> None:
    from .. import apply
    from .models import check_target, files_of
    from .threads import fitting

    began = time.perf_counter()
    if args.plan and (args.layers or _options(args)):
        extra = _flag(next(iter(_options(args)), "layers"))
        raise ValueError(f"option --plan must be alone in saying what stays, got {extra} too; leave one out")
    if args.model.is_dir():
        check_target(args.model, args.out, args.force)
        outputs = [args.out, *_outputs(args, args.report, args.plot)]
    else:
        outputs = _outputs(args, *files_of(args.out, args.make), args.report, args.plot)
    plan = Plan.from_json(args.plan) if args.plan else None
    model = _opened(args)
    with fitting(model.face), _progress() as progress:
        analysis, plan = _planned(args, model, plan, progress)
        small = apply(analysis, plan, progress=progress)
        report = model.report(analysis, plan, small, time.perf_counter() - began)
    model.save(small, args.out, plan, overwrite=args.force)
    if args.report:
        report.to_json(args.report, overwrite=args.force)
    _finish(args, plan, report, outputs)


def _plan(args: argparse.Namespace) -> None:
    from .threads import fitting

    outputs = _outputs(args, args.out, args.plot)
    model = _opened(args)
    with fitting(model.face), _progress() as progress:
        _, plan = _planned(args, model, None, progress)
    if args.out:
        plan.to_json(args.out, overwrite=args.force)
    _finish(args, plan, plan, outputs)


def _opened(args: argparse.Namespace) -> ModelFile:
    """The model, and on stderr how its file was understood."""
    from .models import open_model

    options = {"residual": args.residual, "batch_size": args.batch_size}
    model = open_model(args.model, args.data, args.make, **{name: value for name, value in options.items() if value})
    for note in model.notes:
        _say(note)
    return model


def _options(args: argparse.Namespace) -> dict[str, Any]:
    """The arguments of `plan` that were given."""
    given = {name: getattr(args, name) for name in PLANNING}
    words = {name: value for name, value in given.items() if value is not None}
    return words | ({"refit": None} if given["refit"] == "none" else {})


def _planned(
    args: argparse.Namespace, model: ModelFile, plan: Plan | None, progress: Progress | None
) -> tuple[Analysis[Any], Plan]:
    """The analysis, and the plan that was read or is made."""
    from .._compress import requested
    from .._planning.plan import planned

    if plan:
        return Analysis(model.face, model.samples, groups=list(plan.ranks), progress=progress), plan
    options = Options(**{**model.options, **_options(args)})
    names, request = requested(model.face, args.layers, vars(options))
    analysis = Analysis(model.face, model.samples, groups=names, progress=progress)
    return analysis, planned(analysis, request, progress)


def _outputs(args: argparse.Namespace, *paths: Path | None) -> list[Path]:
    """The files to be written, none of which may be there without --force."""
    from ..._common.atomic import check_outputs

    check_outputs(*paths, overwrite=args.force)
    if args.plot:
        _plotting()
    return [path for path in paths if path is not None]


def _plotting() -> ModuleType:
    """The module that draws; ImportError with the cure where matplotlib is not installed."""
    from .._arrays import INSTALL_HINT

    try:
        from . import plots
    except ImportError as error:
        raise ImportError(f"--plot draws with matplotlib, which is not installed: {INSTALL_HINT}") from error
    return plots


def _finish(args: argparse.Namespace, plan: Plan, report: object, outputs: list[Path]) -> None:
    """The plot, what is printed."""
    if args.plot:
        _plotting().plan_plot(plan, args.plot, overwrite=args.force)
    print(report)
    encoding = sys.stdout.encoding if sys.stdout.isatty() else None  # to a pipe ASCII, as all else
    rows = [[group.name, f"{len(group.units)}", sparkline(group.curve, encoding)] for group in plan.groups]
    title = "Error of Z with 1/32, 2/32, ... and all units, from 1 to 0.001 on a logarithmic scale"
    print(table(title, ["group", "kept", "error"], rows))
    if outputs:
        print("wrote", *outputs)


@contextmanager
def _progress() -> Iterator[Progress | None]:
    """A callback that draws bars on stderr, or none where rich is not installed."""
    try:
        from rich.console import Console
        from rich.progress import Progress
    except ImportError:
        yield None
        return
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, Any] = {}

        def show(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)

        yield show
