"""What compressing a model folder kept and what it cost."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch

from ..._common.atomic import FilePath, write_json
from ..._common.draw import Curves
from .._planning.plans import Plan
from .._tables import Contents, Tabled
from ._samples import Caller, pieces

TOGETHER = 4  # samples that are measured at a time
REPEATS = 3  # forward passes that are timed, of each model in turn


@dataclass(frozen=True)
class FolderReport(Tabled):
    """A model before and after, on samples that it was not calibrated on. ``print(report)`` is text, `to_json` a file.

    Attributes
    ----------
    plan : Plan
    samples : int
        Measured on.
    perplexity_before, perplexity_after : float or None
        ``exp`` of the mean negative log-likelihood of each token but the first of a sequence; None for models that do
        not say what token comes next.
    output_error : float
        ``||Y' - Y||_F / ||Y||_F`` of the first output (of the logits' softmax for those).
    forward_seconds_before, forward_seconds_after : float
        A forward pass of at most four samples, the least of three.
    seconds : float
        Wall time of the whole compression.
    """

    plan: Plan
    samples: int
    perplexity_before: float | None
    perplexity_after: float | None
    output_error: float
    forward_seconds_before: float
    forward_seconds_after: float
    seconds: float

    @classmethod
    def of(
        cls, model: Any, small: Any, held: Mapping[str, torch.Tensor], plan: Plan, seconds: float, *, language: bool
    ) -> FolderReport:
        """Of the model that was planned for and the smaller one, on the same samples by name."""
        caller = Caller(model)
        losses, error, size, positions = [0.0, 0.0], 0.0, 0.0, 0
        batches = list(pieces(dict(held), TOGETHER))
        for batch in batches:
            one, two = (caller.outputs(caller(each, batch))[0].float() for each in (model, small))
            if language:
                following = batch["input_ids"][:, 1:]
                one, two = one[:, :-1].log_softmax(-1), two[:, :-1].log_softmax(-1)
                for i, each in enumerate((one, two)):
                    losses[i] -= float(each.gather(-1, following[..., None]).double().sum())
                positions += following.numel()
                one, two = one.exp_(), two.exp_()
            error, size = math.hypot(error, float((two - one).norm())), math.hypot(size, float(one.norm()))
        before, after = (math.exp(loss / positions) if positions else None for loss in losses)
        slow, fast = _seconds(caller, (model, small), batches[0])
        samples = len(next(iter(held.values())))
        return cls(plan, samples, before, after, error / size if size else error, slow, fast, seconds)

    def _contents(self) -> Contents:
        quality = ("relative error", f"{self.output_error:.2e} on {self.samples} samples not calibrated on")
        if self.perplexity_before is not None:
            perplexities = f"{self.perplexity_before:.2f} -> {self.perplexity_after:.2f}"
            quality = ("perplexity", f"{perplexities} on {self.samples} sequences not calibrated on")
        slow, fast = self.forward_seconds_before, self.forward_seconds_after
        speed = ("forward pass", f"{slow:.3g} -> {fast:.3g} s ({fast / slow:.1%})")
        contents = self.plan._contents()
        return contents._replace(facts=[*contents.facts, quality, speed, ("seconds", f"{self.seconds:.1f}")])

    def _curves(self) -> Curves:
        return self.plan._curves()

    def to_json(self, path: FilePath, *, overwrite: bool = False) -> None:
        """Write every attribute to a JSON file, whole or not at all.

        Raises
        ------
        FileExistsError
            The file exists and `overwrite` is False.
        """
        write_json(path, asdict(self), overwrite)


def _seconds(caller: Caller, models: tuple[Any, ...], batch: Any) -> list[float]:
    """The least time of a forward pass of each model, taken in turn."""
    least = [math.inf] * len(models)
    for _ in range(REPEATS):
        for i, model in enumerate(models):
            began = time.perf_counter()
            caller(model, batch)
            least[i] = min(least[i], time.perf_counter() - began)
    return least
