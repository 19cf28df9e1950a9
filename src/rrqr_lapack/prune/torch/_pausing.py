"""Functions that can be stopped anywhere and go on later: a generator whose ``yield`` may stand in code of others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

Stop = TypeVar("Stop")


class Closed(BaseException):
    """Raised where a function stands when nobody wants it to go on."""


class Pausing(Generic[Stop]):
    """``function(pause)`` runs in a thread of its own until it calls ``pause(value)``, and waits there to go on.

    Only one of the two threads runs at a time: this one waits while the function runs.

    Parameters
    ----------
    function : callable
        ``function(pause)``.

    Attributes
    ----------
    value
        What the function stopped with, and at its end what it returned.
    done : bool
        Whether it has ended.

    Examples
    --------
    >>> from rrqr_lapack.prune.torch._pausing import Pausing
    >>> def count(pause):
    ...     pause(1)
    ...     return 2
    >>> with Pausing(count) as counting:
    ...     first = counting.go_on().value
    ...     (first, counting.go_on().value, counting.done)
    (1, 2, True)
    """

    def __init__(self, function: Callable[[Callable[[Stop], None]], Any]) -> None:
        self.value: Any = None
        self.done = False
        self._function = function
        self._orders: SimpleQueue[bool] = SimpleQueue()
        self._answers: SimpleQueue[tuple[bool, Any, BaseException | None]] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            result = self._function(self._pause)
        except BaseException as error:  # raised where it is waited for
            self._answers.put((True, None, error))
        else:
            self._answers.put((True, result, None))

    def _pause(self, value: Stop) -> None:
        self._answers.put((False, value, None))
        if not self._orders.get():
            raise Closed

    def go_on(self) -> Self:
        """Let the function run to its next stop or its end, and raise what it raises."""
        if self._thread.ident is None:
            self._thread.start()
        else:
            self._orders.put(True)
        self.done, self.value, error = self._answers.get()
        if error is not None:
            raise error
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Unwind a function that has not ended, and wait for it."""
        if self._thread.ident is not None:
            self._orders.put(False)
            self._thread.join()
