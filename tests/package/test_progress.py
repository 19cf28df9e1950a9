"""Progress of long calls: ``progress(what, done, total)``, whoever is called."""

import numpy as np
import pytest
from matrices import gaussian
from scipy import sparse

from rrqr_lapack import (
    BlockMatrix,
    TallQR,
    TruncatedQR,
    alternating_least_squares,
    complete,
    interpolative_decomposition,
    prune,
    qr_truncated,
    randomized_qr,
    soft_impute,
    strong_rrqr,
)

A = gaussian(900, 800, "f8")
SMALL = gaussian(300, 6, "f8") @ gaussian(6, 40, "f8")
SEEN = sparse.coo_array(np.where(np.random.default_rng(0).random(SMALL.shape) < 0.5, SMALL, 0))


def network():
    rng = np.random.default_rng(0)
    return prune.Network([prune.Dense(rng.standard_normal((6, 12)), activation="relu"), prune.Dense(np.ones((12, 2)))])


def analysis():
    return prune.analyze(network(), np.random.default_rng(0).random((99, 6)))


CALLS = {  # what is called with a progress, and what it tells of
    "qr_truncated": (lambda p: qr_truncated(A, rank=500, progress=p), {"eliminating columns"}),
    "TruncatedQR": (lambda p: TruncatedQR(A, rank=500, progress=p), {"eliminating columns"}),
    "extend": (lambda p: TruncatedQR(A, rank=5).extend(rank=500, progress=p), {"eliminating columns"}),
    "strong_rrqr": (lambda p: strong_rrqr(A, rank=300, progress=p), {"eliminating columns"}),
    "interpolative_decomposition": (
        lambda p: interpolative_decomposition(A, rank=500, progress=p),
        {"eliminating columns"},
    ),
    "by Cholesky's factor": (lambda p: qr_truncated(gaussian(9000, 60, "f8"), progress=p), {"eliminating columns"}),
    "a stack": (lambda p: qr_truncated(np.zeros((9, 5, 4)), progress=p, workers=2), {"factoring matrices"}),
    "a stack of large ones": (lambda p: qr_truncated(np.ones((2, 300, 300)), progress=p), {"factoring matrices"}),
    "TallQR.read": (lambda p: TallQR().read(SMALL, progress=p), {"reading rows"}),
    "BlockMatrix": (lambda p: randomized_qr(BlockMatrix(SMALL, progress=p), 4), {"reading rows"}),
    "soft_impute": (lambda p: soft_impute(SEEN, penalty=20, progress=p), {"iterations"}),
    "alternating_least_squares": (lambda p: alternating_least_squares(SEEN, rank=2, progress=p), {"iterations"}),
    "complete": (lambda p: complete(SEEN, progress=p, rng=0), {"penalties", "iterations"}),
    "analyze": (
        lambda p: prune.analyze(network(), np.random.default_rng(0).random((99, 6)), progress=p),
        {"reading activations"},
    ),
    "plan": (lambda p: prune.plan(analysis(), keep=0.5, progress=p), {"measuring cuts"}),
    "apply": (
        lambda p: prune.apply(analysis(), prune.plan(analysis(), keep=0.5, refit="asymmetric"), progress=p),
        {"refitting"},
    ),
}
every_call = pytest.mark.parametrize("name", CALLS)


@every_call
def test_it_is_told_what_is_done_how_much_and_of_how_much(name):
    call, expected = CALLS[name]
    told = []
    call(lambda *what: told.append(what))
    assert {what for what, _, _ in told} == expected
    last = {}
    for what, done, total in told:
        assert type(what) is str
        assert type(done) is int
        assert total is None or (type(total) is int and done <= total)
        assert last.get(what, 0) <= done or done == last["first", what]  # grows, or a pass begins
        last.setdefault(("first", what), done)
        last[what] = done


@every_call
def test_its_exception_ends_the_call_and_comes_through(name):
    class Enough(Exception):
        pass

    def stop(*what):
        raise Enough

    with pytest.raises(Enough):
        CALLS[name][0](stop)


@every_call
def test_what_cannot_be_called_is_refused(name):
    with pytest.raises(TypeError, match="progress must be None or callable as progress"):
        CALLS[name][0]("bar")


@pytest.mark.parametrize("driver", ["auto", "_small", "greedy", "_randomized"])
def test_kernels_tell_while_they_work_and_leave_a_factor_that_goes_on(driver):
    told = []
    factor = TruncatedQR(gaussian(1100, 1000, "f8"), rank=0, driver=driver)  # greedily they ask once in 1e9 operations

    def stop_underway(what, done, total):
        told.append(done)
        assert total == 1000
        if done:
            raise StopIteration

    with pytest.raises(StopIteration):
        factor.extend(progress=stop_underway)
    assert factor.rank == told[-1] < 1000
    factor.extend(progress=lambda what, done, total: told.append(done))
    assert told[-1] == factor.rank == 1000


def test_the_results_do_not_depend_on_it():
    for one, two in zip(qr_truncated(A, rank=300), qr_truncated(A, rank=300, progress=print_nothing), strict=True):
        np.testing.assert_array_equal(one, two)


def print_nothing(what, done, total):
    """A progress."""


def test_a_bar_of_tqdm_takes_it():
    tqdm = pytest.importorskip("tqdm")
    with tqdm.tqdm(disable=True) as bar:

        def progress(what, done, total):
            bar.set_description(what)
            bar.total = total
            bar.update(done - bar.n)

        TallQR().read(SMALL, progress=progress)
