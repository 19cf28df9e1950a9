"""Tensors of PyTorch: views, layouts, gradients, precisions, threads."""

import copy
import pickle
import threading

import numpy as np
import pytest
from matrices import gaussian
from measures import THRESHOLD, orthogonality_ratio

import rrqr_lapack as rr
from rrqr_lapack._device.on_torch import Torch as Table
from rrqr_lapack._tensors import home
from rrqr_lapack._tensors.home import Home

torch = pytest.importorskip("torch", reason="the tests are on tensors of PyTorch")

FUNCTIONS = [
    lambda a: rr.qr(a, pivoting=True),
    rr.qr_truncated,
    rr.TruncatedQR,
    rr.strong_rrqr,
    rr.interpolative_decomposition,
    rr.select_columns,
    rr.range_finder,
    rr.randomized_svd,
    rr.TallQR,
]


@pytest.fixture(params=[True, False], ids=["kernels", "forced"])
def host(request, monkeypatch):
    """By the kernels, and by the algorithms for devices."""
    monkeypatch.setattr(home, "HOST", request.param)
    return request.param


def test_a_tensor_is_read_where_it_lies_and_overwritten_where_that_is_allowed():
    a = torch.from_numpy(gaussian(6, 4, "d")).T.contiguous().T  # Fortran-ordered, as the kernels want it
    assert Home(a).on_host_memory(a, "a").ctypes.data == a.data_ptr()
    before = a.clone()
    rr.qr_truncated(a)
    assert torch.equal(a, before)
    rr.qr_truncated(a, overwrite_a=True)
    assert not torch.equal(a, before)


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a.T,
        lambda a: a[::2, 1:],
        lambda a: a.expand(3, *a.shape)[1],
        lambda a: (a + 1j * a.flip(0)).conj(),
        lambda a: (a + 1j * a.flip(0)).imag,
        lambda a: torch.nn.Parameter(a),
    ],
    ids=["transposed", "strided", "expanded", "conjugate", "negative imaginary part", "parameter"],
)
def test_views_of_tensors_are_taken_as_what_they_show(host, view):
    a = view(torch.from_numpy(gaussian(12, 9, "d")))
    r, p = rr.qr_truncated(a, mode="r", rank=5)
    expected = rr.qr_truncated(a.detach().resolve_conj().resolve_neg().numpy(), mode="r", rank=5)
    assert np.array_equal(p[:5], expected[1][:5])
    r = r.detach().abs().numpy()[:, np.argsort(p.numpy())]
    assert np.allclose(r, abs(expected[0])[:, np.argsort(expected[1])])


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_half_precision_is_computed_in_single_and_comes_back(host, half):
    half = getattr(torch, half)
    a = torch.from_numpy(gaussian(30, 10, "f")).to(half)
    single = a.float().numpy()
    q, r, p = rr.qr_truncated(a, rank=6)
    assert q.dtype == r.dtype == half
    assert p.dtype == torch.int32
    assert np.array_equal(p[:6], rr.qr_truncated(single, rank=6)[2][:6])
    found = rr.interpolative_decomposition(a, rank=6)
    assert np.isclose(found.error, rr.interpolative_decomposition(single, rank=6).error, rtol=1e-5)
    assert found.dtype == found.coefficients.dtype == found.skeleton.dtype == half
    assert rr.TruncatedQR(a).R.dtype == rr.TallQR(a).R.dtype == rr.randomized_svd(a, 2, rng=0).s.dtype == half


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("a", "message"),
    [
        (torch.empty(3, 4, device="meta"), "must hold numbers, got a meta tensor of the shape"),
        (torch.eye(3).to_sparse(), "must be dense, got the layout torch.sparse_coo"),
        (torch.eye(3, dtype=torch.int64), "must be of a floating dtype, got torch.int64"),
        (torch.eye(3, dtype=torch.bool), "must be of a floating dtype, got torch.bool"),
    ],
    ids=["meta", "sparse", "integers", "booleans"],
)
def test_tensors_without_numbers_are_refused(function, a, message):
    with pytest.raises(TypeError, match=message):
        function(a)


def test_an_operand_on_another_device_is_refused(host):
    F = rr.TruncatedQR(torch.eye(4))
    elsewhere = torch.ones(4, device="meta")
    with pytest.raises((TypeError, ValueError), match="b must"):
        F.lstsq(b=elsewhere)


def test_arguments_that_devices_do_not_know_are_refused_by_name(monkeypatch):
    monkeypatch.setattr(home, "HOST", False)
    a = torch.eye(4)
    for call, name in (
        (lambda: rr.qr_truncated(a, driver="lapack"), "driver"),
        (lambda: rr.qr_truncated(a, tie_tol=0.1), "tie_tol"),
        (lambda: rr.qr_truncated(a, mode="raw"), "mode"),
        (lambda: rr.select_columns(a, method="gks"), "method"),
        (lambda: rr.select_columns(a, include=[0]), "include"),
        (lambda: rr.range_finder(a, sketch="srtt"), "sketch"),
    ):
        with pytest.raises(ValueError, match=f"{name} must be .* for an array that is not on the CPU"):
            call()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_full_device_is_a_memory_error_that_names_the_matrix_and_a_cure(function, monkeypatch):
    def full(library, x):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(home, "HOST", False)
    monkeypatch.setattr(Table, "norms", full)
    cure = r"no memory on cpu to factor 9 x 7 numbers of torch.float32 beside what is there; .*(takes?|makes) \w+"
    with pytest.raises(MemoryError, match=cure):
        function(torch.ones(9, 7))


def test_rows_seen_before_a_device_was_full_are_kept(monkeypatch):
    monkeypatch.setattr(home, "HOST", False)
    a = torch.from_numpy(gaussian(600, 5, "d"))
    tall = rr.TallQR(a[:200])
    with monkeypatch.context() as broken:
        broken.setattr(Table, "triangle", lambda library, x: exec("raise MemoryError"))
        with pytest.raises(MemoryError, match=r"400 x 5 numbers .* fewer rows at a time take less"):
            tall.update(a[200:])
    assert tall.shape == (200, 5)
    assert tall.update(a[200:]).shape == (600, 5)
    assert torch.allclose(tall.R.mT @ tall.R, a.mT @ a)


def test_results_copy_and_pickle_as_those_of_the_host():
    F = rr.TruncatedQR(torch.from_numpy(gaussian(8, 5, "f")), rank=3)
    for twin in (pickle.loads(pickle.dumps(F)), copy.copy(F), copy.deepcopy(F)):
        assert torch.equal(twin.R, F.R)
        assert twin.extend(rank=4).rank == 4
    assert F.rank == 3


def test_products_with_results_are_tensors(host):
    a = torch.from_numpy(gaussian(8, 5, "d"))
    found = rr.interpolative_decomposition(a, rank=5)
    x = torch.ones(5, 2, dtype=a.dtype)
    assert torch.allclose(found @ x, a @ x)
    assert torch.allclose(x.new_ones(2, 8) @ found, x.new_ones(2, 8) @ a)
    u, s, vh = found = rr.randomized_svd(a, 5, rng=0)
    assert torch.allclose(found @ x[:, 0], a @ x[:, 0])
    assert torch.allclose(u * s @ vh, a)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize(("m", "n", "rank"), [(6, 4, None), (6, 4, 2), (4, 6, None), (4, 6, 3), (5, 5, 1)])
def test_gradients_of_q_r_and_t_are_those_of_differences(host, dtype, m, n, rank):
    a = torch.from_numpy(gaussian(m, n, dtype)).requires_grad_()
    check = torch.autograd.gradcheck
    assert check(lambda a: rr.qr_truncated(a, rank=rank)[:2], (a,))
    assert check(lambda a: rr.qr_truncated(a, rank=rank, mode="r")[0], (a,))
    assert check(lambda a: rr.interpolative_decomposition(a, rank=rank).coefficients, (a,))
    assert check(lambda a: rr.interpolative_decomposition(a, rank=rank).reconstruct(), (a,))
    assert check(lambda a: rr.qr(a, pivoting=True, mode="economic")[:2], (a,))
    assert check(lambda a: rr.qr(a, mode="economic"), (a,))


def test_gradients_of_stacks_whose_items_stop_at_different_ranks():
    a = gaussian(18, 4, "d").reshape(3, 6, 4)
    a[1, :, 2:] *= 1e-3
    a = torch.from_numpy(a).requires_grad_()
    r = rr.qr_truncated(a, rtol=0.1)[1]
    assert (r[1].diagonal() != 0).sum() == 2
    assert torch.autograd.gradcheck(lambda a: rr.qr_truncated(a, rtol=0.1)[:2], (a,))
    assert torch.autograd.gradgradcheck(lambda a: rr.qr_truncated(a, rtol=0.1)[:2], (a,))


def test_gradients_flow_through_half_precision_and_not_without_grad():
    a = torch.from_numpy(gaussian(8, 5, "f")).bfloat16().requires_grad_()
    q, r, _ = rr.qr_truncated(a, rank=3)
    (q.sum() + r.sum()).backward()
    assert a.grad.dtype == torch.bfloat16
    assert a.grad.abs().max() > 0
    with torch.no_grad():
        assert not rr.qr_truncated(a)[0].requires_grad
    assert not rr.randomized_svd(a, 2).U.requires_grad


def test_threads_of_torch_factor_at_the_same_time():
    a = torch.from_numpy(gaussian(4 * 200, 100, "f")).reshape(4, 200, 100)
    found = [None] * 4

    def work(i):
        found[i] = rr.qr_truncated(a[i], rank=50)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, (q, r, p) in enumerate(found):
        assert orthogonality_ratio(q.numpy()) < THRESHOLD
        assert torch.equal(p, rr.qr_truncated(a[i], rank=50)[2])
        assert torch.equal(r, rr.qr_truncated(a[i], rank=50)[1])


def test_nothing_is_imported_for_those_who_use_no_tensors(tmp_path):
    import subprocess
    import sys

    code = "import sys, numpy, rrqr_lapack; rrqr_lapack.qr_truncated([[1.0, 2.0]]); rrqr_lapack.TallQR([[1.0]]);"
    code += "print([n for n in sys.modules if n.split('.')[0] in ('torch', 'jax') or '_tensors' in n])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert out.stdout.strip() == "[]"
