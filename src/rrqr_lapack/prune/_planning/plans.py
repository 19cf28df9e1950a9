"""A plan is data: which units of each group stay, what that saves and what it is expected to cost."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..._common.atomic import FilePath, whole_file
from ..._common.draw import Curves, axes_of, draw_curves
from ..._common.words import by_reason
from .._error_curve import error_curves
from .._tables import Contents, Tabled, change
from .recipe import Recipe

FORMAT = "rrqr_lapack.prune.plan/1"


@dataclass(frozen=True)
class GroupPlan:
    """What stays of one group.

    Attributes
    ----------
    name : str
    width : int
        Units before.
    units : tuple of int
        Those that stay, in the order of choice.
    error : float
        ``||Z - Z[:, C] T||_F / ||Z||_F`` on all calibration samples.
    output_error : float
        ``||Y' - Y||_F / ||Y||_F`` of the model's outputs on the held-out samples if only this group is cut.
    curve : tuple of float
        What `error` is with 1/32, 2/32, ... and all of the units.
    """

    name: str
    width: int
    units: tuple[int, ...]
    error: float
    output_error: float
    curve: tuple[float, ...]


@dataclass(frozen=True)
class Plan(Tabled):
    """Which units of each group stay. It prints as a table, compares, and goes to JSON and back.

    Made by `rrqr_lapack.prune.plan`.

    Attributes
    ----------
    budget : dict
        The budget that was asked for, ``{"params": 0.3}``.
    recipe : Recipe
        How the units were chosen and how the others are made up for.
    allocation : str
        'uniform', 'global' or 'sensitivity' for a budget of the whole model, else the kind of the budget.
    groups : tuple of GroupPlan
    parameters_before, parameters_after, flops_before, flops_after : int
        Of the whole model.
    output_error : float
        Predicted ``||Y' - Y||_F / ||Y||_F`` of the outputs of what `apply` makes: measured on the held-out samples
        with all groups cut and fitted, as the recipe says, to the others. Of several outputs the root mean square.
    held_out : dict of str to float
        The same for each allocation, method and share of drift that was tried, fitted to as many samples as it takes
        to compare them. What can hardly win is not tried.
    doubts : tuple of str
        What the calibration samples cannot tell, `Analysis.doubts`.
    left_alone : dict of str to str
        What keeps its size though weights make it, and why.
    ranks : dict of str to int
        Units that stay of each group.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.prune import Dense, Network, Plan, analyze, plan
    >>> rng = np.random.default_rng(0)
    >>> network = Network([Dense(rng.standard_normal((8, 32)), activation="relu"), Dense(rng.standard_normal((32, 3)))])
    >>> half = plan(analyze(network, rng.standard_normal((500, 8))), keep=0.5)
    >>> Plan.from_json(half.to_json()) == half, half.ranks
    (True, {'layers[0]': 16})
    """

    budget: dict[str, float | dict[str, int]]
    recipe: Recipe
    allocation: str
    groups: tuple[GroupPlan, ...]
    parameters_before: int
    parameters_after: int
    flops_before: int
    flops_after: int
    output_error: float
    held_out: dict[str, float]
    doubts: tuple[str, ...] = ()
    left_alone: dict[str, str] = field(default_factory=dict)

    @property
    def ranks(self) -> dict[str, int]:
        """Units that stay of each group."""
        return {group.name: len(group.units) for group in self.groups}

    def _contents(self) -> Contents:
        rows = [
            [
                group.name,
                f"{group.width}",
                f"{len(group.units)}",
                f"{len(group.units) / group.width:.1%}",
                f"{group.error:.2e}",
                f"{group.output_error:.2e}",
            ]
            for group in self.groups
        ]
        budget = ", ".join(f"{kind} {value if kind != 'ranks' else ''}".strip() for kind, value in self.budget.items())
        affine = ", affine" if self.recipe.affine else ""
        if self.recipe.drift is not None:
            affine += f", refitted to {self.recipe.drift:.0%} of the drift"
        title = f"Plan for {budget}: method '{self.recipe.method}', correction '{self.recipe.correction}'{affine}"
        tried = ", ".join(f"{name} {error:.2e}" for name, error in self.held_out.items())
        won = f" ({self.allocation} it is)" if len(self.held_out) > 1 else ""
        facts = [
            ("parameters", change(self.parameters_before, self.parameters_after)),
            ("multiply-adds", change(self.flops_before, self.flops_after)),
            ("output error", f"{self.output_error:.2e} predicted; tried on held-out samples: {tried}{won}"),
            *(("beware", doubt) for doubt in self.doubts),
            *(("left alone", said) for said in by_reason(self.left_alone)),
        ]
        return Contents(title, ["group", "units", "kept", "fraction", "error of Z", "error of the output"], rows, facts)

    def _curves(self) -> Curves:
        return error_curves((group.name, group.curve, len(group.units), group.width) for group in self.groups)

    def plot(self, axes: Any = None) -> Any:
        """Draw the error of each group for every share of its units, and what is kept.

        Parameters
        ----------
        axes : matplotlib.axes.Axes, optional
            Where to draw; by default in a new figure.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.

        Raises
        ------
        ImportError
            matplotlib is not installed.

        Examples
        --------
        >>> import numpy as np
        >>> from rrqr_lapack.prune import Dense, Network, analyze, plan
        >>> network = Network([Dense([[1.0, 1.0]], activation="relu"), Dense([[1.0], [1.0]])])
        >>> half = plan(analyze(network, np.random.default_rng(0).random((100, 1))), keep=0.5)
        >>> half.plot()  # doctest: +SKIP
        """
        return draw_curves(axes_of(axes), self._curves())

    def to_json(self, path: FilePath | None = None, *, overwrite: bool = False) -> str:
        """The plan as JSON text, also written to `path` if one is given, whole or not at all.

        Parameters
        ----------
        path : path, optional
            The file.
        overwrite : bool, default False
            Whether an existing file may be replaced.

        Returns
        -------
        str
            The text, whose first key names the format.

        Raises
        ------
        FileExistsError
            The file exists and `overwrite` is False.
        """
        text = json.dumps({"format": FORMAT, **asdict(self)}, indent=1, allow_nan=False) + "\n"
        if path is not None:
            with whole_file(path, overwrite) as temporary:
                temporary.write_text(text, encoding="utf-8")
        return text

    @classmethod
    def from_json(cls, source: FilePath) -> Plan:
        """The inverse of `to_json`, from its text or from a file.

        Parameters
        ----------
        source : str or path
            A text is told from a path by its opening brace.

        Returns
        -------
        Plan
            Equal to the one that was written.

        Raises
        ------
        ValueError
            Not such a plan.
        OSError
            The file cannot be read.
        """
        text = str(source)
        is_text = text.lstrip().startswith("{")
        try:
            data = json.loads(text if is_text else Path(source).read_text(encoding="utf-8"))
            if (found := data.pop("format")) != FORMAT:
                raise ValueError(f"its format must be {FORMAT!r}, got {found!r}")
            groups = [
                GroupPlan(**{**group, "units": tuple(group["units"]), "curve": tuple(group["curve"])})
                for group in data.pop("groups")
            ]
            recipe, doubts = Recipe.of(**data.pop("recipe")), tuple(data.pop("doubts", ()))
            return cls(recipe=recipe, groups=tuple(groups), doubts=doubts, **data)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            what = f"{error} is missing" if isinstance(error, KeyError) else error
            where = "a text" if is_text else source
            raise ValueError(f"source must be a plan that Plan.to_json wrote, got {where}: {what}") from error
