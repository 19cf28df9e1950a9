"""Words of the public functions: the same argument has one name and stands in one place."""

import inspect
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

import pytest

import rrqr_lapack
from rrqr_lapack import prune
from rrqr_lapack._selection.registry import METHODS

SCIPY = {"qr"}  # SciPy's own signature
SIGNATURES = {
    name: list(inspect.signature(getattr(module, name)).parameters.values())
    for module in (rrqr_lapack, prune)
    for name in module.__all__
    if (name[0].islower() or name in ("PCA", "TruncatedQR", "TallQR")) and name not in SCIPY
}
OPTIONS = [inspect.signature(method.select).parameters[name] for method in METHODS.values() for name in method.options]


def test_arguments_that_functions_share_stand_in_one_order():
    before = {}
    for parameters in SIGNATURES.values():
        names = [parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD]
        for first, second in pairwise(names):
            before.setdefault(second, set()).add(first)
    try:
        TopologicalSorter(before).prepare()
    except CycleError as error:
        pytest.fail(f"stand in more than one order: {error.args[1]}")


def test_the_words_for_how_are_few():
    """`method`: by which algorithm, with another result; `driver`: what computes the same; `refit`: to what.

    The others name a part.
    """
    how = {p.name for parameters in (*SIGNATURES.values(), OPTIONS) for p in parameters if isinstance(p.default, str)}
    assert how == {"method", "driver", "mode", "refit", "sketch", "landmarks", "pivoting"}


@pytest.mark.parametrize("word", ["rank", "rtol", "atol", "oversample", "rng"])
def test_a_word_that_functions_share_is_a_keyword_everywhere_and_has_one_spelling(word):
    found = [p for parameters in (*SIGNATURES.values(), OPTIONS) for p in parameters if p.name[:8] == word[:8]]
    assert len(found) > 1
    for parameter in found:
        assert parameter.name == word
        assert parameter.kind is not parameter.POSITIONAL_ONLY
