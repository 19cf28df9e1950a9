"""What the package set out to reach, a line each. `targets` measures them."""

from dataclasses import dataclass

from .race import Case

GREEDY = ("gaussian", "relu", "algebraic", "geometric")  # prefetching pays
STUBBORN = ("kernel", "kahan", "duplicated")  # it cannot
SCIPY_ID = ("scipy ID exact", "scipy ID random")


@dataclass(frozen=True)
class Target:
    """Method `ours` is to be `at_least` so many times as fast as the fastest of `against`, on every case.

    pivots_of : the method whose pivots ours must be.
    error_within : how many times the smallest error of `against` ours may be.
    by_rate : compare credited flops a second, not times.
    """

    topic: str
    line: str
    ours: str
    against: tuple
    at_least: float
    cases: tuple
    pivots_of: str | None = None
    error_within: float | None = None
    by_rate: bool = False


def square(matrices, n, rank=None, **options):
    return tuple(Case(matrix, (n, n), rank, **options) for matrix in matrices)


def _foundation():
    gaussian = square(["gaussian"], 2000, 100)
    decaying = square(["algebraic", "geometric"], 2000, 100, by_tolerance=True)
    yield Target("truncated", "rank 100", "auto economic", ("geqp3rk",), 1, gaussian)
    yield Target("truncated", "rank 100", "auto economic", ("scipy economic",), 6, gaussian)
    for peer in SCIPY_ID:
        yield Target("truncated", "ID, rank 100", "auto ID", (peer,), 8, square(GREEDY, 2000, 100), error_within=1.001)
        yield Target("truncated", "ID, rtol near rank 100", "auto ID", (peer,), 8, decaying, error_within=1.001)
    yield Target("truncated", "one small call", "auto economic", ("scipy economic",), 2, square(["gaussian"], 16))


def _greedy():
    for n, full, truncated in ((2000, 1.5, 2.2), (4000, 2.2, 4.5)):
        for mode in ("r", "economic"):
            peer = f"scipy {mode}"
            yield Target("greedy", "full", f"auto {mode}", (peer,), full, square(GREEDY, n), pivots_of=peer)
            yield Target(
                "greedy", "full, drop-in", f"qr pivoted {mode}", (peer,), full, square(GREEDY, n), pivots_of=peer
            )
        cases = square(GREEDY, n, n // 20)
        yield Target("greedy", "k = 5 %", "auto r", ("geqp3rk",), truncated, cases, pivots_of="geqp3rk")
    yield Target("greedy", "k = 5 %", "auto economic", ("scipy economic",), 18, square(GREEDY, 4000, 200))
    for n in (2000, 4000):
        for rank, words in ((n // 20, "k = 5 %"), (None, "full")):
            yield Target(
                "greedy", f"stubborn, {words}", "auto r", ("geqp3", "geqp3rk"), 0.95, square(STUBBORN, n, rank)
            )
    tall, wide = Case("gaussian", (20000, 1000)), Case("gaussian", (1000, 20000), 200)
    yield Target("greedy", "tall, full", "auto r", ("scipy r",), 2.5, (tall,), pivots_of="scipy r")
    yield Target("greedy", "wide, k = 200", "auto r", ("geqp3rk",), 3, (wide,), pivots_of="geqp3rk")
    yield Target("greedy", "single against double", "auto r float32", ("auto r",), 1.7, square(GREEDY, 4000, 200))


def _randomized():
    for n, full, truncated in ((2000, 2, 4), (4000, 3.2, 9)):
        yield Target("randomized", "full", "randomized r", ("scipy r",), full, square(GREEDY, n))
        yield Target("randomized", "k = 5 %", "randomized r", ("geqp3rk",), truncated, square(GREEDY, n, n // 20))
    yield Target("randomized", "full", "randomized r", ("geqrf",), 1, square(GREEDY, 4000))
    yield Target(
        "randomized", "full, share of GEMM's rate", "randomized r", ("gemm",), 0.65, square(GREEDY, 4000), by_rate=True
    )
    yield Target(
        "randomized", "wide, k = 200", "randomized r", ("geqp3rk",), 4.5, (Case("gaussian", (1000, 20000), 200),)
    )


def _rest():
    for n, at_least in ((16, 3), (64, 1.5)):
        for ours in ("auto economic", "qr pivoted economic"):
            yield Target("others", "one small call", ours, ("scipy economic",), at_least, square(["gaussian"], n))
    batch = (Case("gaussian", (10_000, 16, 16)),)
    yield Target("others", "batch", "auto economic", ("scipy in a loop",), 10, batch)
    for mode in ("r", "economic"):
        peer = (f"scipy unpivoted {mode}",)
        yield Target("others", "no pivoting", f"qr {mode}", peer, 1, square(["gaussian"], 2000))
    for ours, at_least, within in (("auto ID", 12, 1.001), ("randomized ID", 25, 1.5)):
        yield Target("others", "ID, rank 100", ours, SCIPY_ID, at_least, square(GREEDY, 2000, 100), error_within=within)


TOPICS = ("truncated", "greedy", "randomized", "others")
TARGETS = (*_foundation(), *_greedy(), *_randomized(), *_rest())
