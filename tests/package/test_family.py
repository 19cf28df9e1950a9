"""What each function takes: README's table tells the truth, and what is not taken is refused in words."""

import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import LinearOperator

import rrqr_lapack
from rrqr_lapack import interpolative

A = np.random.default_rng(0).standard_normal((30, 20))
K = A @ A.T + np.eye(30)
AFFINITIES = np.abs(A) @ np.abs(A).T
ONES = np.ones(30)


class Operator(LinearOperator):
    """Products with a matrix and its adjoint, and its diagonal."""

    def __init__(self, a):
        super().__init__(a.dtype, a.shape)
        self.a = a

    def _matmat(self, x):
        return self.a @ x

    def _rmatmat(self, x):
        return self.a.conj().T @ x

    def diagonal(self):
        return self.a.diagonal()


def named(*names, **options):
    return {name: (A, partial(getattr(rrqr_lapack, name), **options)) for name in names}


def selection(method):
    return K, lambda a, **options: rrqr_lapack.select_columns(a, 3, method=method, **options)


METHODS = ["greedy", "strong", "gks", "arp", "osinsky", "sketch", "leverage", "uniform", "cholesky"]
CALLS = {  # a matrix, and what is done with it in any form
    **named("alternating_least_squares", rank=2),
    **named("complete", "cur", "interpolative_decomposition", "low_rank_factors", "qr_truncated", "randomized_svd"),
    **named("range_finder", "row_interpolative_decomposition", "strong_rrqr", "two_sided_interpolative_decomposition"),
    **named("randomized_qr"),
    **named("generalized_nystrom", rank=3),
    **named("soft_impute", penalty=1.0),
    **{f"select_columns: {method!r}": selection(method) for method in METHODS},
    "certify": (A, lambda a, **options: rrqr_lapack.certify(a, [1, 2], **options)),
    "PCA": (A, lambda a, **options: rrqr_lapack.PCA(**options).fit(a)),
    "TallQR": (A, lambda a, **options: rrqr_lapack.TallQR(a).pivoted(**options)),
    "basic_lstsq": (A, lambda a, **options: rrqr_lapack.basic_lstsq(a, ONES, **options)),
    "kernel_ridge": (A, lambda a, **options: rrqr_lapack.kernel_ridge(rrqr_lapack.rbf, a, ONES, shift=1.0, **options)),
    "nystrom": (K, rrqr_lapack.nystrom),
    "randomized_eigh": (K, rrqr_lapack.randomized_eigh),
    "rpcholesky": (K, rrqr_lapack.rpcholesky),
    "spectral_embedding": (AFFINITIES, lambda a, **options: rrqr_lapack.spectral_embedding(a, 2, **options)),
}
OTHERS = {  # the rest of what takes a matrix
    "KernelMatrix": (A, lambda a: rrqr_lapack.KernelMatrix(rrqr_lapack.rbf, a)),
    "PCA.partial_fit": (A, lambda a: rrqr_lapack.PCA().partial_fit(a)),
    "PCA.transform": (A, lambda a: rrqr_lapack.PCA().fit(A).transform(a)),
    "TallQR.update": (A, lambda a: rrqr_lapack.TallQR().update(a)),
    "TruncatedQR": (A, rrqr_lapack.TruncatedQR),
    "TruncatedQR.apply_q": (A, lambda a: rrqr_lapack.TruncatedQR(A).apply_q(a)),
    "TruncatedQR.lstsq": (A, lambda a: rrqr_lapack.TruncatedQR(A).lstsq(a)),
    "basic_lstsq of sides": (A, lambda a: rrqr_lapack.basic_lstsq(A, a)),
    "cur by leverage": (A, lambda a: rrqr_lapack.cur(a, rank=2, method="leverage")),
    "estimate_rank": (A, lambda a: interpolative.estimate_rank(a, 0.1)),
    "estimate_spectral_norm": (A, interpolative.estimate_spectral_norm),
    "estimate_spectral_norm_diff": (A, lambda a: interpolative.estimate_spectral_norm_diff(A, a)),
    "hold_out": (A, rrqr_lapack.hold_out),
    "id_to_svd": (A, lambda a: interpolative.id_to_svd(a, np.arange(20), np.zeros((20, 0)))),
    "interp_decomp": (A, lambda a: interpolative.interp_decomp(a, 2)),
    "interpolative.svd": (A, lambda a: interpolative.svd(a, 2)),
    "rbf": (A, lambda a: rrqr_lapack.rbf(a, A)),
    "reconstruct_matrix_from_id": (
        A,
        lambda a: interpolative.reconstruct_matrix_from_id(a, np.arange(20), np.zeros((20, 0))),
    ),
    "reconstruct_skel_matrix": (A, lambda a: interpolative.reconstruct_skel_matrix(a, 1, [0])),
}
COLUMNS = ["sparse", "LinearOperator", "rtol", "atol", "error"]


def truth(name):
    """A row of README's table, by trying."""
    a, call = CALLS[name]

    def takes(form, **options):
        try:
            return call(form(a), **options)
        except (TypeError, ValueError):
            return None

    form = np.asarray if takes(np.asarray) is not None else sparse.coo_array
    found = takes(form)
    return {
        "sparse": takes(sparse.csr_array) is not None,
        "LinearOperator": takes(Operator) is not None,
        "rtol": takes(form, rtol=0.1) is not None,
        "atol": takes(form, atol=0.1) is not None,
        "error": hasattr(found, "error") and hasattr(found, "error_kind"),
    }


def rows():
    """README's table: a name, of a method with its method, and what is said of it."""
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    head, _, *body = re.search(r"\| what each takes.*?\n\n", text, re.DOTALL)[0].strip().splitlines()
    assert re.findall(r"\w+", head.partition("says")[2]) == COLUMNS
    for line in body:
        first, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        said = {column: {"yes": True, "no": False}[cell] for column, cell in zip(COLUMNS, cells, strict=True)}
        name, *names = re.findall(r"`(\w+)`", first)
        methods = re.findall(r"'\w+'", first)
        for found in [f"{name}: {method}" for method in methods] or [name, *names]:
            yield found, said


TABLE = dict(rows())


@pytest.mark.parametrize("name", CALLS)
def test_the_table_of_readme_tells_the_truth(name):
    assert TABLE[name] == truth(name)


def test_the_table_of_readme_has_every_function():
    assert set(TABLE) == set(CALLS)


DECAYING = (
    np.linalg.qr(A)[0] @ np.diag(0.75 ** np.arange(20)) @ np.linalg.qr(A[:20])[0] * np.linspace(1, 3, 30)[:, None]
)
DECAYING += 0.2  # so that centring counts
POSITIVE = DECAYING @ DECAYING.T
REFERENCES = {  # what `rtol` may be relative to
    "the largest column norm of A": lambda a: np.linalg.norm(a, axis=0).max(),
    "the largest row norm of A": lambda a: np.linalg.norm(a, axis=1).max(),
    "the Frobenius norm of A": np.linalg.norm,
    "the Frobenius norm of the centred data": lambda a: np.linalg.norm(a - a.mean(axis=0)),
    "the trace of A": lambda a: abs(np.trace(a)),
}
HERMITIAN = {"nystrom", "randomized_eigh", "rpcholesky", "select_columns: 'cholesky'"}


def relative():
    """README's table of tolerances: a name, of a method with its method, and what its `rtol` is relative to."""
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    reference = None
    for line in re.search(r"\| `rtol` and `atol` bound.*?\n\n", text, re.DOTALL)[0].strip().splitlines()[2:]:
        _, said, names = (cell.strip() for cell in line.strip("|").split("|"))
        reference = said or reference
        name, *others = re.findall(r"`(\w+)`", names)
        methods = re.findall(r"'\w+'", names)
        yield from ((found, reference) for found in [f"{name}: {method}" for method in methods] or [name, *others])


RELATIVE = dict(relative())


def rank_of(found):
    """How many columns, vectors or pivots a result has."""
    if isinstance(found, rrqr_lapack.PCA):
        return found.n_components_
    if isinstance(found, rrqr_lapack.BasicSolution):
        return len(found.columns)
    return len(found[1]) if isinstance(found, tuple) else found.rank


def test_every_function_with_a_tolerance_says_what_that_is_relative_to():
    assert set(RELATIVE) == {name for name, said in TABLE.items() if said["rtol"]}


@pytest.mark.parametrize("name", [name for name, reference in RELATIVE.items() if reference in REFERENCES])
def test_rtol_is_relative_to_what_readme_says_and_to_nothing_else(name):
    """To nothing else among the candidates: a tolerance relative to these stops elsewhere for one of the values."""
    a, call = POSITIVE if name in HERMITIAN else DECAYING, CALLS[name][1]
    if name.startswith("select_columns"):
        call = partial(rrqr_lapack.select_columns, method=name.split("'")[1])
    values = np.geomspace(0.7, 2e-3, 18)
    ranks = [rank_of(call(a, rtol=value, rng=0)) for value in values]
    assert len(set(ranks)) > 1
    fits = {
        what: ranks == [rank_of(call(a, atol=value * reference(a), rng=0)) for value in values]
        for what, reference in REFERENCES.items()
    }
    assert [what for what, fit in fits.items() if fit] == [RELATIVE[name]]


def test_no_public_function_is_forgotten():
    """Every name in ``__all__`` but the results and what takes no matrix is called here."""
    called = {re.match(r"\w+", name)[0] for name in CALLS | OTHERS}
    functions = {name for name in rrqr_lapack.__all__ if name[0].islower()} - {"get_include", "qr", "show_config"}
    assert functions <= called
    assert set(interpolative.__all__) - {"svd", "reconstruct_interp_matrix"} <= called


REFUSED = {
    "a masked array": (lambda a: np.ma.masked_array(a, np.eye(*a.shape, dtype=bool)), "masked"),
    "strings": (lambda a: a.astype(str), "<U32"),
    "objects": (lambda a: a.astype(object), "object"),
    "dates": (lambda a: a.astype("i8").astype("M8[s]"), "datetime64"),
    "None": (lambda a: None, "object|NoneType"),
}


SEEN = {"alternating_least_squares", "complete", "hold_out", "soft_impute"}  # of which entries, a sparse matrix says
POINTS = {"KernelMatrix", "kernel_ridge"}  # may be anything that the kernel reads


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("name", [name for name in CALLS | OTHERS if name not in POINTS])
def test_what_is_no_matrix_of_numbers_is_refused_with_its_name(name, what):
    a, call = (CALLS | OTHERS)[name]
    form, says = REFUSED[what]
    if (name, what) == ("TallQR", "None"):
        return  # no rows yet
    with pytest.raises(
        TypeError, match=says if name not in SEEN else f"{says}|must be a SciPy sparse matrix"
    ) as caught:
        call(form(a))
    assert re.match(r"(a|A|B|b|c|w|x|X|rows) ", str(caught.value)), str(caught.value)


@pytest.mark.parametrize("form", [sparse.csr_array, sparse.coo_matrix, Operator], ids=lambda form: form.__name__)
@pytest.mark.parametrize("name", [name for name in CALLS | OTHERS if name not in POINTS])
def test_a_form_that_is_not_taken_is_refused_in_words(name, form):
    a, call = (CALLS | OTHERS)[name]
    try:
        call(form(a))
    except TypeError as error:
        words = r"must be (dense|an array|a SciPy sparse)"
        assert re.search(words, str(error)), str(error)


@pytest.mark.parametrize("dtype", ["?", "i1", "u8", "e"])
@pytest.mark.parametrize("name", [name for name in CALLS | OTHERS if name not in POINTS])
def test_integers_and_half_precision_are_computed_as_floating_point_numbers(name, dtype):
    """In single precision where that holds them, as SciPy has it; nothing is cut off on the way out."""
    if name == "reconstruct_skel_matrix":
        return  # columns of A as they are
    call, width = (CALLS | OTHERS)[name][1], np.float64 if dtype == "u8" else np.float32
    a = np.random.default_rng(1).integers(0, 2 if dtype == "?" else 5, (30, 20))
    if (CALLS | OTHERS)[name][0].shape == (30, 30):
        a = (np.diag(np.r_[3, np.ones(29, int)]) + (dtype != "?")).astype(int)
    form = sparse.coo_array if name in SEEN and dtype != "e" else np.asarray
    if name in SEEN and dtype == "e":
        return  # SciPy has no such sparse matrix
    found, expected = call(form(a.astype(dtype))), call(form(a.astype(width)))
    assert [array.dtype for array in arrays(found)] == [array.dtype for array in arrays(expected)]


def arrays(found):
    """The arrays of a result: an array, a tuple of them, or an object's."""
    if isinstance(found, (np.ndarray, np.generic, float, int)):
        return [np.asarray(found)]
    if isinstance(found, tuple):
        return [array for part in found for array in arrays(part)]
    return [value for _, value in sorted(vars(found).items()) if isinstance(value, np.ndarray)]
