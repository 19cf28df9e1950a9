"""``rrqr demo``: run the trials, print the tables, draw the pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path

from ..._common.atomic import FilePath, check_outputs, write_json
from ..._common.progress import Progress
from .._arrays import INSTALL_HINT
from .._tables import table
from . import fashion_mnist
from .threads import fitting
from .trial import SCHEMES, ErrorCurve, Point, Trial, error_curve, gaussian_kernel

EPS = (0.2, 0.1, 0.05, 0.03, 0.02, 0.01, 0.005)
KEEP = (0.1, 0.2, 0.3, 0.4, 0.5, 0.75)
BUDGETS = (*({"eps": eps} for eps in EPS), *({"keep": keep} for keep in KEEP))
KERNEL_RANKS = 100


def run(
    out: FilePath,
    *,
    data_dir: FilePath | None = None,
    overwrite: bool = False,
    watch: Callable[[], AbstractContextManager[Progress | None]] = nullcontext,
) -> None:
    """Compress the shipped network again and again; print tables, write plots and their numbers to `out`.

    Parameters
    ----------
    out : path
        Folder; made if it is not there.
    data_dir : path, optional
        Folder with the four ``.gz`` files of Fashion-MNIST, of which all test images are then used.
    overwrite : bool, default False
        Whether files in `out` may be replaced.
    watch : callable, optional
        ``watch()`` is a context manager that gives a callback for the progress, or None, while the work is done.

    Raises
    ------
    FileExistsError
        One of the files is there and `overwrite` is False.
    NotADirectoryError
        `out` is a file.
    FileNotFoundError
        `data_dir` lacks one of the files.
    ImportError
        matplotlib is not installed.
    """
    try:
        from .plots import accuracy_plot, error_plot
    except ImportError as error:
        raise ImportError(f"the demo draws with matplotlib, which is not installed: {INSTALL_HINT}") from error
    out = Path(out)
    files = {
        name: out / name
        for name in (
            "accuracy-first-layer.png",
            "accuracy-whole-model.png",
            "error-first-layer.png",
            "error-kernel.png",
            "demo.json",
        )
    }
    check_outputs(*files.values(), overwrite=overwrite, make_folder=True)

    trial = Trial(data_dir)
    print(
        f"{trial.network}\n{len(trial.X):,} calibration images, all from the training set, without labels; "
        f"{len(trial.labels):,} test images:\n{fashion_mnist.test_source(data_dir)}\n"
        f"test accuracy before compression: {trial.accuracy:.2%}\n"
    )
    studies, curves = {}, {}
    with fitting(trial.analysis.face), watch() as progress:
        for name, layers in (("first layer", [0]), ("whole model", None)):
            show = progress and partial(progress, f"compressing the {name}")
            points = trial.study(layers, BUDGETS, show)
            studies[name] = {"eps": points[: len(EPS)], "keep": points[len(EPS) :]}
        first = trial.first_activations()
        curves["first layer"] = error_curve(first, min(first.shape))
        curves["kernel"] = error_curve(gaussian_kernel(), KERNEL_RANKS)
    for name, study in studies.items():
        print(_accuracy_table(name, study) + "\n")
    for name, curve in curves.items():
        print(_error_table(name, curve) + "\n")

    out.mkdir(parents=True, exist_ok=True)
    for name, path, title in (
        ("first layer", "accuracy-first-layer.png", "First layer compressed"),
        ("whole model", "accuracy-whole-model.png", "All seven hidden layers compressed"),
    ):
        title = f"{title}; accuracy on {len(trial.labels):,} test images"
        accuracy_plot(studies[name], trial.accuracy, title, files[path], overwrite=overwrite)
    title = f"Activations of the first layer, {first.shape[0]} x {first.shape[1]}"
    error_plot(curves["first layer"], title, files["error-first-layer.png"], floor=1e-4, overwrite=overwrite)
    title = "Gaussian kernel matrix, 200 x 200"
    error_plot(curves["kernel"], title, files["error-kernel.png"], floor=1e-16, overwrite=overwrite)
    numbers = {
        "test_images": len(trial.labels),
        "source": fashion_mnist.test_source(data_dir),
        "accuracy": trial.accuracy,
        **{
            name: {budget: [asdict(point) for point in points] for budget, points in study.items()}
            for name, study in studies.items()
        },
        "errors": {
            name: {key: list(map(float, values)) for key, values in asdict(curve).items()}
            for name, curve in curves.items()
        },
    }
    write_json(files["demo.json"], numbers, overwrite)
    print("wrote", *files.values(), sep="\n  ")


def _accuracy_table(name: str, study: Mapping[str, Sequence[Point]]) -> str:
    header = ["eps", "keep", "columns kept", "fraction", "parameters", *SCHEMES]
    rows = [
        [
            "" if p.eps is None else f"{p.eps:g}",
            "" if p.keep is None else f"{p.keep:g}",
            " ".join(map(str, p.kept)),
            f"{p.fraction:.1%}",
            f"{p.parameters:,}",
            *(f"{p.accuracy[scheme]:.2%}" for scheme in SCHEMES),
        ]
        for p in (*study["eps"], *study["keep"])
    ]
    title = (
        f"Accuracy with the {name} compressed, by schemes that keep as many columns: corrected by least squares or not"
    )
    return table(title, header, rows)


def _error_table(name: str, curve: ErrorCurve) -> str:
    ranks = [k for k in (1, 2, 5, 10, 20, 50, 100, 150, 200) if k <= len(curve.svd)]
    rows = [[f"{k}", f"{curve.pivoted_qr[k - 1]:.2e}", f"{curve.svd[k - 1]:.2e}"] for k in ranks]
    return table(f"Relative error of rank k, {name}", ["k", "pivoted QR", "SVD"], rows)
