"""Pivoted QR where the arrays are, beside what PyTorch has there: unpivoted QR, the SVD, a copy to the host."""

import time
from dataclasses import dataclass
from functools import partial

import numpy as np

import rrqr_lapack
from rrqr_lapack._device import factor

from . import report
from .machine import machine_line

SIZES = ["2048x2048", "4096x4096", "8192x8192", "16384x16384", "32768x32768", "131072x4096", "4096x131072"]
SVD_MOST = 4096**2  # elements up to which the full SVD takes part, which takes minutes for more
ITERATIONS = 2  # power iterations of svd_lowrank


@dataclass(frozen=True)
class Clock:
    """Seconds of a call, the device idle before and after; on CUDA by events."""

    torch: object
    device: object

    def wait(self):
        if self.device.type != "cpu":
            getattr(self.torch, self.device.type).synchronize(self.device)

    def seconds(self, call):
        self.wait()
        if self.device.type == "cuda":
            first, last = (self.torch.cuda.Event(enable_timing=True) for _ in range(2))
            first.record()
            call()
            last.record()
            self.wait()
            return first.elapsed_time(last) / 1e3
        start = time.perf_counter()
        call()
        self.wait()
        return time.perf_counter() - start

    def peak(self, call):
        """MiB that the call holds at once beyond what was there; None where the device does not say."""
        if self.device.type != "cuda":
            call()
            return None
        self.torch.cuda.reset_peak_memory_stats(self.device)
        before = self.torch.cuda.memory_allocated(self.device)
        call()
        self.wait()
        return (self.torch.cuda.max_memory_allocated(self.device) - before) / 2**20


def contestants(torch, a, rank, names):
    """Calls by name on the matrix, or the stack, at a rank or in full."""
    m, n = a.shape[-2:]
    k, what = (min(m, n), {}) if rank is None else (rank, {"rank": rank})
    square = a[..., : min(m, n), : min(m, n)]
    calls = {
        "greedy": lambda: factor(a, **what),
        "randomized": lambda: factor(a, driver="randomized", seed=0, **what),
        "greedy with Q": lambda: factor(a, **what).q(),
        "randomized with Q": lambda: factor(a, driver="randomized", seed=0, **what).q(),
        "randomized ID": lambda: factor(a, driver="randomized", seed=0, **what).interpolation(),
        "geqrf": lambda: torch.geqrf(a),
        "linalg.qr": lambda: torch.linalg.qr(a),
        "host and back": lambda: on_host(torch, a, what),
        "gemm": lambda: square @ square,
    }
    if m * n <= SVD_MOST:
        calls["svd"] = lambda: torch.linalg.svd(a, full_matrices=False)
    if rank is not None:
        calls["svd_lowrank"] = lambda: torch.svd_lowrank(a, q=k, niter=ITERATIONS)
    if a.ndim > 2:
        del calls["randomized"], calls["randomized with Q"], calls["randomized ID"]
    return {name: call for name, call in calls.items() if names is None or name in names}


def on_host(torch, a, what):
    """A copy to the host, our C kernels, and the results back."""
    results = rrqr_lapack.qr_truncated(a.cpu().numpy(), mode="r", **what)
    return [torch.from_numpy(np.ascontiguousarray(part)).to(a.device) for part in results]


def error(torch, a, name, found):
    """||A - its approximation||_F / ||A||_F; None where there is nothing to approximate."""
    if name in ("greedy", "randomized"):
        return float(torch.linalg.norm(found.residual_norm) / torch.linalg.norm(a))
    if name == "svd_lowrank":
        u, s, v = found
        return float(torch.linalg.norm(a - (u * s[..., None, :]) @ v.mT) / torch.linalg.norm(a))
    return None


def measure(torch, clock, shape, rank, dtype, args):
    """A row for each method: the median over the rounds, and of each round the ratio to geqrf."""
    generator = torch.Generator(clock.device).manual_seed(0)
    a = torch.randn(shape, generator=generator, dtype=getattr(torch, dtype), device=clock.device)
    calls = contestants(torch, a, rank, args.methods)
    peaks = {name: clock.peak(call) for name, call in calls.items()}  # this round warms up
    errors = {
        name: error(torch, a, name, calls[name]()) for name in calls if name in ("greedy", "randomized", "svd_lowrank")
    }
    times = {name: [] for name in calls}
    order, end = list(calls), time.perf_counter() + args.budget.seconds
    while len(times[order[0]]) < args.budget.rounds or time.perf_counter() < end:
        for name in order:
            times[name].append(clock.seconds(calls[name]))
        order.reverse()
    for name, seconds in times.items():
        base = np.array(times["geqrf"]) / seconds if "geqrf" in times else None
        yield {
            "matrix": "x".join(map(str, shape)),
            "dtype": dtype,
            "rank": rank or "full",
            "method": name,
            "time": report.seconds(float(np.median(seconds))),
            "times geqrf's rate": f"{np.median(base):.3g}" if base is not None else "",
            "GFLOP/s": f"{2 * min(shape[-2:]) ** 3 * np.prod(shape[:-2]) / np.median(seconds) / 1e9:.4g}"
            if name == "gemm"
            else "",
            "error": f"{errors[name]:.3g}" if errors.get(name) is not None else "",
            "peak MiB": f"{peaks[name]:.0f}" if peaks[name] is not None else "",
        }


def cases(args):
    """(shape, rank) of each case."""
    for size in args.sizes:
        shape = tuple(map(int, size.split("x")))
        if args.quick:
            shape = (*(max(1, side // 1000) for side in shape[:-2]), *(max(16, side // 32) for side in shape[-2:]))
        least = min(shape[-2:])
        for part in args.ranks:
            rank = None if part == "full" else int(part) if "%" not in part else round(least * float(part[:-1]) / 100)
            if rank is None or 0 < rank <= least:
                yield shape, rank


def main(args):
    import torch

    device = torch.device(args.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    print(f"{machine_line()}; PyTorch {torch.__version__}, {device} ({name}).\n")
    clock = Clock(torch, device)
    rows = (
        row
        for dtype in args.dtypes
        for shape, rank in cases(args)
        for row in guarded(torch, partial(measure, torch, clock, shape, rank, dtype, args), shape)
    )
    columns = ["matrix", "dtype", "rank", "method", "time", "times geqrf's rate", "GFLOP/s", "error", "peak MiB"]
    rows = list(report.stream_table(columns, rows))
    if args.json:
        report.write_json(args.json, rows)


def guarded(torch, rows, shape):
    """The rows, or none where the matrix does not fit."""
    try:
        yield from rows()
    except (MemoryError, torch.OutOfMemoryError) as error:
        print(f"| {'x'.join(map(str, shape))} does not fit: {str(error).splitlines()[0]} |", flush=True)


def options(command):
    command.add_argument("--device", default="cpu", help="a device of PyTorch: cpu, cuda, cuda:1, mps")
    command.add_argument("--sizes", nargs="+", default=SIZES, metavar="MxN", help="shapes; 100000x32x32 is a stack")
    command.add_argument(
        "--ranks", nargs="+", default=["full", "5%"], metavar="K", help="full, a number or a percentage"
    )
    command.add_argument("--dtypes", nargs="+", default=["float64", "float32"], metavar="T")
    command.add_argument("--methods", nargs="+", metavar="NAME", help="of the table; all by default")
