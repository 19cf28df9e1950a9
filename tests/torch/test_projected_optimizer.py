"""The optimizer of docs/examples/projected_optimizer.py, and the model that is trained with it."""

import copy
import functools

import pytest

torch = pytest.importorskip("torch", reason="the example is on PyTorch")


@pytest.fixture(params=["SVD", "randomized_svd", "range_finder", "select_columns"])
def subspace(request, gradient_projection):
    """Each way to find one."""
    return gradient_projection.SUBSPACES[request.param]


def problem():
    """A two-layer network, its samples, and what it should give: a function of few directions."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(24, 40), torch.nn.Tanh(), torch.nn.Linear(40, 24))
    x = torch.randn(200, 24)
    return model, x, torch.sin(x @ torch.randn(24, 3)) @ torch.randn(3, 24)


def steps(model, x, y, optimizer, count):
    """Losses of so many steps."""
    found = []
    for _ in range(count):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


def wrapped(gradient_projection, parameters, subspace):
    """Adam in subspaces of 8 dimensions."""
    make = functools.partial(torch.optim.Adam, lr=1e-2)
    return gradient_projection.Projected(parameters, make, rank=8, every=10, subspace=subspace)


def test_bases_are_orthonormal_and_steps_stay_in_them(gradient_projection, subspace):
    model, x, y = problem()
    before = [p.detach().clone() for p in (model[0].weight, model[2].weight)]
    optimizer = wrapped(gradient_projection, model.parameters(), subspace)
    steps(model, x, y, optimizer, 5)
    for basis, weight, first in zip(optimizer.bases, (model[0].weight, model[2].weight), before, strict=True):
        assert torch.allclose(basis.mT @ basis, torch.eye(8), atol=1e-5)
        moved = (weight - first).detach()
        moved = moved if moved.shape[0] <= moved.shape[1] else moved.mT
        assert moved.norm() > 0.1
        assert torch.allclose(basis @ (basis.mT @ moved), moved, atol=1e-5)


def test_the_loss_falls_and_the_state_is_smaller(gradient_projection, subspace):
    model, x, y = problem()
    optimizer = wrapped(gradient_projection, model.parameters(), subspace)
    found = steps(model, x, y, optimizer, 60)
    assert found[-1] < 0.85 * found[0]
    model, x, y = problem()
    whole = torch.optim.Adam(model.parameters(), 1e-2)
    steps(model, x, y, whole, 1)
    assert gradient_projection.state_bytes(optimizer) < 0.6 * gradient_projection.state_bytes(whole)


def test_within_the_subspace_it_is_the_optimizer_itself(gradient_projection):
    torch.manual_seed(0)
    basis = torch.linalg.qr(torch.randn(6, 4))[0]
    start, target = basis @ torch.randn(4, 9), basis @ torch.randn(4, 9)
    found = []
    for project in (True, False):
        weight = torch.nn.Parameter(start.clone())
        make = functools.partial(torch.optim.SGD, lr=0.1, momentum=0.9)
        optimizer = (
            gradient_projection.Projected([weight], make, rank=4, subspace=lambda *_: basis, scale=1.0)
            if project
            else make([weight])
        )
        for _ in range(6):
            optimizer.zero_grad()
            (weight - target).square().sum().backward()
            optimizer.step()
        found.append(weight.detach())
    assert (found[0] - start).norm() > 1
    assert torch.allclose(*found, atol=1e-5)


def test_training_goes_on_from_what_was_saved(gradient_projection, subspace):
    model, x, y = problem()
    optimizer = wrapped(gradient_projection, model.parameters(), subspace)
    steps(model, x, y, optimizer, 7)
    saved, weights = copy.deepcopy((optimizer.state_dict(), model.state_dict()))
    expected = steps(model, x, y, optimizer, 8)  # over a search for new subspaces
    again, _, _ = problem()
    again.load_state_dict(weights)
    resumed = wrapped(gradient_projection, again.parameters(), subspace)
    resumed.load_state_dict(saved)
    assert steps(again, x, y, resumed, 8) == pytest.approx(expected, rel=1e-5)


def test_gradients_of_low_rank_or_none_at_all_are_taken(gradient_projection, subspace):
    used, unused = (torch.nn.Parameter(torch.ones(12, 20)) for _ in range(2))
    optimizer = gradient_projection.Projected(
        [used, unused], lambda p: torch.optim.Adam(p, 0.1), rank=4, subspace=subspace
    )
    (used[:, :1] * torch.arange(12.0)[:, None]).sum().backward()
    optimizer.step()
    assert torch.isfinite(used).all()
    assert (used[:, 1:] == 1).all()
    assert (unused == 1).all()
    assert optimizer.bases[1] is None


def test_the_language_model_learns(gradient_projection):
    make = functools.partial(wrapped, gradient_projection, subspace=gradient_projection.randomized_vectors)
    losses, _ = gradient_projection.train(lambda p: make(parameters=p), steps=8, width=32, layers=1, measured=8)
    assert losses[-1][1] < 0.9 * losses[0][1]


def test_nearly_the_best_subspace_is_found_by_products(gradient_projection):
    errors = {name: error for name, _, error in gradient_projection.refresh(64, 8, "cpu")}
    assert errors.pop("SVD") == pytest.approx(1, rel=1e-5)
    assert 1 - 1e-5 < errors["randomized_svd"] < 1.02
    assert 1 - 1e-5 < errors["range_finder"] < 1.2


def test_selected_rows_are_those_that_the_others_follow_from(gradient_projection):
    G = torch.randn(3, 20, generator=torch.Generator().manual_seed(0))
    G = torch.cat([0.1 * G, 0.01 * G, 5 * G])
    basis = gradient_projection.selected_rows(G, 3, 0)
    assert torch.equal(basis.sum(dim=1).nonzero().flatten(), torch.tensor([6, 7, 8]))
