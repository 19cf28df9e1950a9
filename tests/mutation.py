"""What the tests would not notice: one place of a source is changed, what depends on it is built, and its tests run.

    python tests/mutation.py csrc/gram.c src/rrqr_lapack/prune/_planning/allocate.py --count 40 --seed 0

takes that many mutants of each file at random, says which share of them the tests noticed, and lists the others as
changed lines. Those in `mutation_survivors.md` change nothing that a result could show, and are counted apart. It works
on a copy of the tree, in an environment that has what a build and the tests need. The tests in float64 come first, then
those in complex64, and with --sanitize those in float64 under ASan and UBSan.
"""

import argparse
import collections
import functools
import io
import itertools
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import tokenize
from pathlib import Path

RUNTIMES = "libasan.so", "libstdc++.so.6"  # first in the process; the second for SciPy's exceptions
REST = "not float64 and not float32 and not complex128"  # in complex64, and what has no dtype
RUNS = (False, "float64"), (False, REST), (True, "float64")  # under sanitizers or not, and which tests
NO_TESTS = 5  # pytest's answer where no test is selected
ROOT = Path(__file__).resolve().parent.parent
SURVIVORS = (ROOT / "tests/mutation_survivors.md").read_text()

# what is run for a file: the quickest to notice come first; the first pattern that matches counts
TESTS = {
    r"(gram|prefetch)\.c": "qr/beside qr/guards qr/qr_prefetched qr/pivots qr/kahan package/faults package/interrupts",
    r"(sketch|randomized|block|source)\.c": (
        "qr/beside qr/guards qr/borrowed qr/randomized qr/kahan package/faults package/interrupts"
    ),
    r"(exchange|strong|reorder)\.c": "qr/strong package/faults package/interrupts",
    r"(lanes|stack|isa)\.c": "qr/lanes qr/batches package/isa package/faults package/interrupts",
    r"(cholesky|precondition)\.c": "qr/cholesky package/faults package/interrupts",
    r"small\.c": "qr/beside qr/factor qr/pivots qr/stopping_rule qr/batches qr/extend package/faults",
    r"(begin|panel|pivot|greedy|norm)\.c": (
        "qr/beside qr/qr_prefetched qr/factor qr/pivots qr/stopping_rule qr/truncated qr/extend qr/kahan"
        " package/not_finite package/faults package/interrupts"
    ),
    r"(full|orthogonal|residual|transpose|finite)\.c": (
        "qr/beside qr/factor qr/qr qr/truncated qr/stopping_rule qr/extend package/not_finite package/faults"
    ),
    r"solve\.c": "qr/lstsq id/id package/faults",
    r"memory\.c": "package/faults package/interrupts",
    r"(api\.c|_c_interface\.py)": "package/c_interface",
    r"prune/torch/_(\w+)\.py": r"torch/\1 torch/rules torch/groups torch/hazards",
    r"prune/_planning/\w+\.py": "prune/allocate prune/plan prune/compress_bad_input",
    r"prune/_units/(\w+)\.py": r"prune/\1 prune/selection_factor prune/plan prune/apply",
    r"prune/_network/(\w+)\.py": r"prune/\1 prune/network prune/compress",
    r"prune/_command/\w+\.py": "prune/cli prune/commands prune/fashion_mnist",
    r"prune/_(\w+)\.py": r"prune/\1 prune/plan prune/apply",
    r"_qr/(scipy_)?qr\.py": "qr/qr qr/qr_prefetched qr/core package/bad_input",
    r"_qr/factored\.py": "qr/factor qr/truncated qr/extend qr/lstsq package/bad_input",
    r"_qr/truncated\.py": "qr/truncated qr/batches qr/factor package/bad_input",
    r"_qr/(\w+)\.py": r"qr/\1 qr/factor package/bad_input",
    r"_device/\w+\.py": "device/factor device/pivots device/stacks device/library device/bad_input",
    r"_tensors/\w+\.py": "tensors/backends tensors/torch tensors/jax",
    r"dask/_(pivoted_qr|strong_qr|triangle|orthonormal|marks)\.py": "dask/tall dask/blocks",
    r"dask/_(products|sampled_range|range|svd|pca)\.py": "dask/products dask/blocks",
    r"dask/_(\w+)\.py": "dask/columns dask/blocks",
    r"sklearn/_(column_selector|earlier|unit_columns)\.py": "sklearn/column_selector sklearn/checks",
    r"sklearn/_(gram|nystroem|kernel_ridge)\.py": "sklearn/kernels sklearn/checks",
    r"sklearn/_(pca|truncated_svd|share)\.py": "sklearn/spectral_components sklearn/checks",
    r"sklearn/_(matrix_completion|additive)\.py": "sklearn/matrix_completion sklearn/checks",
    r"sklearn/_(spectral_embedding|walk)\.py": "sklearn/spectral_embedding sklearn/checks",
    r"sklearn/_(\w+)\.py": r"sklearn/\1 sklearn/checks",
    r"_id/(linking|leverage)\.py": "id/cur",
    r"_id/(\w+)\.py": r"id/\1 id/id id/\1_id qr/strong package/bad_input",
    r"_selection/\w+\.py": "selection/selection selection/selection_constraints selection/selection_guarantees",
    r"_common/config\.py": "package/isa",
    r"_(common|randomized|kernel|completion)/(\w+)\.py": r"\1/\2 \1/kernel_\2 \1/randomized_\2 \1/completion",
    r"(interpolative)\.py": r"id/\1",
}
FAULTS = {
    " < ": " <= ", " <= ": " < ", " > ": " >= ", " >= ": " > ", " == ": " != ", " != ": " == ", " && ": " || ",
    " || ": " && ", " + ": " - ", " - ": " + ", " * ": " / ", " / ": " * ", " += ": " -= ", " -= ": " += ",
    " and ": " or ", " or ": " and ", " not ": " ", "min(": "max(", "max(": "min(", "(!": "(",
    "min_int(": "(int)max_size(", "True": "False", "False": "True",
}  # fmt: skip
PLACE = re.compile("|".join(map(re.escape, sorted(FAULTS, key=len, reverse=True))) + r"|(?<![\w.])\d+(?![\w.])")
IF = re.compile(r"^\s*(?:\} )?(?:else |el)?if ")
STATEMENT = re.compile(r"^\s+(?!\s|return|break|continue|const|int |real |scalar |double |size_t|case)[^{}]*\w.*;$")
CALL = re.compile(r"^\s+[\w.]+(\(.*\)|\[.*\] = .*| [-+*/]= .*)$")


def code(path):
    """The source with comments, strings and preprocessor lines blanked, of the same length."""
    text = path.read_text()
    if path.suffix == ".py":
        starts = [0, *itertools.accumulate(map(len, text.splitlines(keepends=True)))]
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        hidden = [t for t in tokens if t.type in (tokenize.STRING, tokenize.COMMENT)]
        spans = [[starts[row - 1] + column for row, column in (t.start, t.end)] for t in hidden]
    else:
        hidden = re.compile(r'/\*.*?\*/|"[^"\n]*"|^#[^\n]*|^enum.*?;', re.DOTALL | re.MULTILINE)
        spans = [m.span() for m in hidden.finditer(text)]
    for low, high in reversed(spans):
        text = text[:low] + re.sub(r"[^\n]", " ", text[low:high]) + text[high:]
    return text.split("\n")


def condition_end(line, start):
    """Where the condition that begins at `start` ends: with its parenthesis in C, before the colon in Python."""
    if line.endswith(":"):
        return len(line) - 1
    depths = itertools.accumulate((c == "(") - (c == ")") for c in line[start:])
    return start + 1 + next((i for i, depth in enumerate(depths) if depth == 0), len(line) - start - 1)


def mutants(path):
    """(number of the line, its new text) of every change that there is."""
    for number, (line, visible) in enumerate(zip(path.read_text().split("\n"), code(path), strict=True)):
        if "rrqr_allocate" in visible:  # too little memory is seen by the sanitizers only
            continue
        for m in PLACE.finditer(visible):
            new = FAULTS.get(m[0]) or str(int(m[0]) + 1)
            yield number, line[: m.start()] + new + line[m.end() :]
        if m := IF.match(visible):
            end = condition_end(visible, m.end())
            for fixed in ("(0 && {})", "(1 || {})") if path.suffix == ".c" else ("False and ({})", "True or ({})"):
                yield number, line[: m.end()] + fixed.format(line[m.end() : end]) + line[end:]
        if path.suffix == ".c" and STATEMENT.match(visible):
            yield number, re.sub(r"\S.*", ";", line)
        elif path.suffix == ".py" and CALL.match(visible) and visible.count("(") == visible.count(")"):
            yield number, re.sub(r"\S.*", "pass", line)


def tests_of(path):
    """The test files of a source."""
    for pattern, names in TESTS.items():
        if m := re.search(pattern + "$", path.as_posix()):
            named = [re.sub(r"([^/]+)$", r"test_\1.py", name) for name in m.expand(names).split()]
            found = [f"tests/{name}" for name in dict.fromkeys(named) if (ROOT / "tests" / name).exists()]
            return tuple(found) or (f"tests/{named[0].split('/')[0]}",)  # all of its room
    raise SystemExit(f"{path} has no tests in TESTS")


class Copy:
    """A built copy of the tree, whose package is imported in place of the installed one."""

    def __init__(self, folder, sanitized=False):
        self.folder, self.sanitized, self.seconds = Path(folder), sanitized, {}
        self.folder.mkdir()
        for part in ("src", "csrc", "tests"):
            shutil.copytree(ROOT / part, self.folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        for part in ("meson.build", "meson.options", "pyproject.toml", "README.md"):
            shutil.copy(ROOT / part, self.folder)
        site = self.folder / "site"  # an editable installation would come first
        site.mkdir()
        (site / "sitecustomize.py").write_text(
            "import sys\nsys.meta_path = [f for f in sys.meta_path if 'Mesonpy' not in type(f).__name__]\n"
        )
        self.environment = os.environ | {
            "PYTHONPATH": f"{site}{os.pathsep}{self.folder / 'src'}", "OPENBLAS_NUM_THREADS": "1",
            "MALLOC_PERTURB_": "165", "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip
        instrumented = ("-Db_sanitize=address,undefined", "-Db_lundef=false") if sanitized else ()
        self._run("meson", "setup", "build", "-Doptimization=1", *instrumented, check=True)
        if sanitized:  # as in .ci/steps/sanitized-tests
            libraries = [self._run("gcc", f"-print-file-name={name}").stdout.strip() for name in RUNTIMES]
            options = "abort_on_error=1:halt_on_error=1:allocator_may_return_null=1:detect_leaks=0"
            self.environment |= {
                "LD_PRELOAD": " ".join(libraries), "PYTHONMALLOC": "malloc", "ASAN_OPTIONS": options,
                "UBSAN_OPTIONS": options,
            }  # fmt: skip

    def _run(self, *command, **options):
        environment = self.environment if command[0] == sys.executable else os.environ
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, **options)

    def build(self):
        """Whether it can be built."""
        if self._run("ninja", "-C", "build").returncode:
            return False
        for library in (self.folder / "build/src/rrqr_lapack").glob("_core*.[sp][oy]*"):
            if library.is_file():
                shutil.copy(library, self.folder / "src/rrqr_lapack")
        return True

    def _passes(self, tests, which, seconds):
        """Whether the tests pass in that much processor time, and how much they took."""
        options = "-x", "-q", "-p", "no:cacheprovider", "--hypothesis-profile=quick", "-k", which

        def limit():
            if not self.sanitized:  # ASan reserves an address space of its own
                resource.setrlimit(resource.RLIMIT_AS, (8 << 30,) * 2)
            resource.setrlimit(resource.RLIMIT_CPU, (seconds,) * 2)

        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        done = self._run(sys.executable, "-m", "pytest", *options, *tests, preexec_fn=limit)
        return done.returncode in (0, NO_TESTS), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before

    def passes(self, path, source, tests, which):
        """Whether the tests pass with another source of the file; None where it cannot be built."""
        if (tests, which) not in self.seconds:
            self.build()
            sound, self.seconds[tests, which] = self._passes(tests, which, 3600)
            if not sound:
                raise SystemExit(f"the tests fail without a mutant: {' '.join(tests)} -k '{which}'")
        original = (self.folder / path).read_text()
        (self.folder / path).write_text(source)
        try:
            return self._passes(tests, which, 5 + 2 * int(self.seconds[tests, which]))[0] if self.build() else None
        finally:
            (self.folder / path).write_text(original)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--count", type=int, default=20, help="mutants of each file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sanitize", action="store_true", help="what is not noticed is tried under sanitizers as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copy = functools.cache(lambda sanitized: Copy(f"{folder}/{sanitized}", sanitized))
        for path in (path.resolve().relative_to(ROOT) for path in options.files):
            tests, source = tests_of(path), (ROOT / path).read_text()
            runs = RUNS if options.sanitize and path.suffix == ".c" else RUNS[:-1]
            count = collections.Counter()
            found = sorted(set(mutants(ROOT / path)))
            for number, line in random.Random(options.seed).sample(found, min(options.count, len(found))):
                lines = source.split("\n")
                old, lines[number] = lines[number], line
                change = line.strip() if line.strip() not in (";", "pass") else f"without {old.strip()}"
                if f"`{change}`" in SURVIVORS:
                    count["equivalent"] += 1
                    continue
                outcomes = (copy(sanitized).passes(path, "\n".join(lines), tests, which) for sanitized, which in runs)
                passed = next((outcome for outcome in outcomes if not outcome), True)
                count[{None: "no program", False: "noticed", True: "not noticed"}[passed]] += 1
                if passed:
                    print(f"{path}:{number + 1}\n-{old}\n+{line}", flush=True)
            result = ", ".join(f"{n} {kind}" for kind, n in sorted(count.items()))
            print(f"{path}: {result}, of {len(found)}", flush=True)


if __name__ == "__main__":
    main()
