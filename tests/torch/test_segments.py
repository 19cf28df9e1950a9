"""Axes that are segments side by side, each a product of index spaces: how they meet, and what is planned on them."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the face of torch needs torch, an extra")
models = pytest.importorskip("torch_models")
branching = pytest.importorskip("torch_branching")
prune = pytest.importorskip("rrqr_lapack.prune.torch")
spaces = pytest.importorskip("rrqr_lapack.prune.torch._spaces")
layout = pytest.importorskip("rrqr_lapack.prune.torch._layout")
Space, whole = spaces.Space, spaces.whole


def beside(*sizes):
    """New spaces of these sizes, and the axis on which they lie side by side."""
    each = [Space(size) for size in sizes]
    return each, spaces.side_by_side((whole(space), space.size) for space in each)


def test_what_meets_a_concatenation_is_cut_into_its_segments():
    (a, b), axis = beside(4, 6)
    other = Space(10)
    spaces.match(axis, whole(other), "test")
    assert other.leaves() == [a.root, b.root]
    assert not a.root.fixed and not b.root.fixed


def test_segments_of_different_lengths_are_cut_at_each_others_boundaries():
    (a, b), one = beside(4, 6)
    (c, d), two = beside(7, 3)
    spaces.match(one, two, "test")
    assert [leaf.size for leaf in (*a.leaves(), *b.leaves())] == [4, 3, 3]
    assert c.leaves() + d.leaves() == a.leaves() + b.leaves()


def test_a_flattened_concatenation_is_a_product_in_each_segment():
    (a, b), axis = beside(4, 6)
    other = Space(30)
    spaces.match(spaces.stretched(axis, 3), whole(other), "test")
    assert a.root in other.leaves() and b.root in other.leaves()
    tree = layout.Layout.of(other, {a.root: "a", b.root: "b"}, {a.root, b.root})
    (block,) = tree.blocks("b")
    assert block.shape == (6, 1, 3) and block.ravel().tolist() == list(range(12, 30))
    assert tree.resized({"a": 2, "b": 1}).size == 9
    assert tree.kept("a", [2, 0]).tolist() == [6, 7, 8, 0, 1, 2, *range(12, 30)]


def test_a_segment_that_is_nobodys_fixes_what_meets_it():
    (a, b), axis = beside(4, 6)
    other = Space(10)
    spaces.match(axis[:1], whole(other), "test")
    assert [bool(leaf.fixed) for leaf in other.leaves()] == [False, True]
    assert not a.root.fixed and not b.root.fixed


def test_a_space_beside_itself_has_a_block_for_each_time():
    a = Space(3)
    axis = spaces.side_by_side([(whole(a), 3), (whole(a), 3)])
    other = Space(6)
    spaces.match(axis, whole(other), "test")
    tree = layout.Layout.of(other, {a.root: "a"}, {a.root})
    assert [block.ravel().tolist() for block in tree.blocks("a")] == [[0, 1, 2], [3, 4, 5]]
    assert tree.kept("a", [1]).tolist() == [1, 4]


@pytest.mark.parametrize("kind", branching.INPUTS, ids=lambda kind: kind.__name__)
def test_a_plan_measures_its_error_and_the_correction_lowers_it(kind):
    model, draw = models.made(kind)
    analysis = prune.analyze(model, draw(300))
    errors = {}
    for correction in ("lstsq", "none"):
        plan = prune.plan(analysis, keep=0.75, correction=correction)
        fresh = draw(40)
        with torch.no_grad():
            errors[correction] = models.relative_error(prune.apply(analysis, plan)(fresh), model(fresh))
        assert plan.parameters_after == sum(p.numel() for p in prune.apply(analysis, plan).parameters())
        assert all(0 < error < 2 for error in plan.held_out.values())
    assert errors["lstsq"] < 0.9 * errors["none"]
    assert np.isclose(errors["none"], next(iter(plan.held_out.values())), rtol=0.5)
