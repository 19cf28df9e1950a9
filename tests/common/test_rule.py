"""The rule by which a factorization stops: one immutable value, its arguments checked in one place."""

import pickle

import numpy as np
import pytest

from rrqr_lapack import TruncatedQR
from rrqr_lapack._common.rule import Rule, check_rule


def test_what_is_not_given_is_off():
    rule = check_rule((5, 3), None, None, None)
    assert rule[:4] == (3, -1.0, -1.0, 0.0)
    assert not rule.by_tolerance
    assert rule.tolerances == {"rtol": None, "atol": None}


@pytest.mark.parametrize(
    "given", [{"rtol": 0.5, "atol": None}, {"rtol": None, "atol": 0.0}, {"rtol": 0.0, "atol": 2.0}]
)
def test_tolerances_come_out_as_they_went_in(given):
    rule = check_rule((5, 3), 2, **given)
    assert rule.by_tolerance
    assert rule.tolerances == given


def test_a_rule_is_not_changed():
    rule = check_rule((5, 3), 2, 0.5, None)
    with pytest.raises(AttributeError):
        rule.rank = 3
    assert rule.at_least(0.1, 1.0) == rule._replace(atol=1.0)
    assert rule.at_least(0.7) == rule._replace(rtol=0.7)
    assert rule.rtol == 0.5


def test_a_generator_is_made_only_where_something_is_random():
    assert check_rule((5, 3), None, None, None, random=False).rng is None
    assert isinstance(check_rule((5, 3), None, None, None).rng, np.random.Generator)
    own = np.random.default_rng(0)
    assert check_rule((5, 3), None, None, None, rng=own).rng is own
    with pytest.raises(TypeError, match="rng must be None"):
        check_rule((5, 3), None, None, None, rng="1", random=False)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((4, None, None), ValueError, "rank must be between 1 and 3 for this matrix, got 4"),
        ((0, None, None), ValueError, "rank must be between 1 and 3 for this matrix, got 0"),
        ((1.5, None, None), TypeError, "rank must be an integer or None, got 1.5"),
        ((1, -0.1, None), ValueError, "rtol must be finite and at least 0, got -0.1"),
        ((1, None, "1"), TypeError, "atol must be a real number or None, got '1'"),
        ((1, None, None, 1.0), ValueError, "tie_tol must be at least 0 and less than 1, got 1.0"),
        (
            (1, None, None, 0.0, -1),
            ValueError,
            "rng must be None, an integer of at least 0 or a numpy Generator, got -1",
        ),
    ],
)
def test_what_is_wrong_is_named(arguments, error, message):
    with pytest.raises(error, match=message):
        check_rule((5, 3), *arguments, smallest=1)


def test_a_factor_that_goes_on_keeps_its_ties_and_its_generator():
    """Two columns that differ by 1e-6: tied at 1e-5, so that the first is taken, before and after a pickle."""
    a = np.diag([3.0, 1.0, 1.0 + 1e-6])
    f = TruncatedQR(a, rank=1, tie_tol=1e-5, rng=0)
    for factor in (pickle.loads(pickle.dumps(f)), f):
        assert isinstance(factor._rule, Rule)
        assert factor._rule.rng.bit_generator.state == np.random.default_rng(0).bit_generator.state
        assert factor.extend(rank=2).P[1] == 1
    assert TruncatedQR(a, rank=1).extend(rank=2).P[1] == 2
