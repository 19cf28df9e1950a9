"""Operations of the user's own: refused without a rule, cut exactly with it."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import rrqr_lapack.prune.torch  # noqa: E402
from rrqr_lapack.prune.torch import analyze, apply, find_groups, plan, register_rule  # noqa: E402

WIDTH = 12
PAGE = Path(__file__).parents[2] / "docs" / "torch.md"
SOURCES = Path(rrqr_lapack.prune.torch.__file__).parent


def cube(x):
    """NumPy's, which PyTorch cannot see into."""
    return torch.from_numpy(x.detach().numpy() ** 3)


def one_step():
    """An autograd Function whose forward takes the context."""

    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return cube(x)

        @staticmethod
        def backward(ctx, gradient):
            return 3 * ctx.saved_tensors[0] ** 2 * gradient

    return Cube.apply, Cube  # as held by code that imported it before the rule was there


def two_steps():
    """An autograd Function with a context of its own."""

    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(x):
            return cube(x)

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, gradient):
            return 3 * ctx.saved_tensors[0] ** 2 * gradient

    return Cube.apply, Cube


def operator(name):
    """An operator of a library."""

    @torch.library.custom_op(f"rrqr_lapack_tests::{name}", mutates_args=())
    def made(x: torch.Tensor) -> torch.Tensor:
        return cube(x)

    return made


def library_object():
    made = operator("by_object")
    return lambda x: made(x), made  # PyTorch copies no model that holds the operator itself


def library_name():
    made = operator("by_name")
    return lambda x: made(x), "rrqr_lapack_tests::by_name"


def library_overload():
    operator("by_overload")
    return torch.ops.rrqr_lapack_tests.by_overload, torch.ops.rrqr_lapack_tests.by_overload.default


def dispatched():
    """A Python function that PyTorch's modes see."""
    made = torch.overrides.wrap_torch_function(lambda x: (x,))(cube)
    return made, made


class Model(torch.nn.Module):
    """Two layers around an operation; of the hidden units the second half repeats the first."""

    def __init__(self, between):
        super().__init__()
        self.up, self.down = torch.nn.Linear(4, WIDTH), torch.nn.Linear(WIDTH, 3)
        self.between = between
        with torch.no_grad():
            self.up.weight[WIDTH // 2 :] = self.up.weight[: WIDTH // 2]
            self.up.bias[WIDTH // 2 :] = self.up.bias[: WIDTH // 2]

    def forward(self, x):
        return self.down(self.between(self.up(x)))


def make(call):
    torch.manual_seed(0)
    return Model(call).double().eval(), torch.randn(60, 4, dtype=torch.float64)


@torch.no_grad()
def distance(one, other, x):
    """Relative, of their outputs."""
    return float((one(x) - other(x)).norm() / other(x).norm())


@pytest.mark.parametrize(
    "kind", [one_step, two_steps, library_object, library_name, library_overload, dispatched], ids=lambda f: f.__name__
)
def test_an_operation_is_refused_without_a_rule_and_cut_exactly_with_it(kind):
    call, operation = kind()
    model, x = make(call)
    with (
        pytest.raises(ValueError, match="model must have units that can be removed, got none"),
        pytest.warns(match="has no rule"),
    ):
        find_groups(model, x)
    register_rule(operation, torch.relu)
    analysis = analyze(model, x)
    small = apply(analysis, plan(analysis, keep=0.5))
    assert small.up.out_features == small.down.in_features == WIDTH // 2
    assert distance(small, model, x) < 1e-12


@pytest.mark.parametrize("kind", [one_step, two_steps], ids=lambda f: f.__name__)
def test_an_autograd_function_with_a_rule_keeps_its_gradient(kind):
    call, operation = kind()
    register_rule(operation, torch.relu)
    register_rule(operation, torch.tanh)  # again, as when a cell of a notebook is run twice
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    call(x).sum().backward()
    assert x.grad.tolist() == [3, 12]


def test_the_weights_of_an_operation_with_a_rule_are_read_and_made():
    """Two layers in one operation: its units are the group inside."""

    @torch.library.custom_op("rrqr_lapack_tests::block", mutates_args=())
    def block(x: torch.Tensor, up: torch.Tensor, down: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(np.tanh(x.detach().numpy() @ up.detach().numpy().T) @ down.detach().numpy().T)

    class Block(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            half = torch.randn(WIDTH // 2, 4)
            self.up = torch.nn.Parameter(torch.cat([half, half]))
            self.down = torch.nn.Parameter(torch.randn(3, WIDTH))

        def forward(self, x):
            return block(x, self.up, self.down)

    linear = torch.nn.functional.linear
    register_rule(block, lambda x, up, down: linear(linear(x, up).tanh(), down))
    model, x = Block().double().eval(), torch.randn(60, 4, dtype=torch.float64)
    analysis = analyze(model, x)
    small = apply(analysis, plan(analysis, eps=1e-10))
    assert small.up.shape == (WIDTH // 2, 4) and small.down.shape == (3, WIDTH // 2)
    assert distance(small, model, x) < 1e-9  # what the least penalty leaves


def test_a_rule_that_is_wrong_about_the_dependence_finds_no_group():
    call, _ = one_step()

    def mixed(x):
        return call(x).flip(-1).cumsum(-1)

    seen = torch.overrides.wrap_torch_function(lambda x: (x,))(mixed)
    register_rule(seen, torch.relu)  # but its units are mixed
    with pytest.raises(ValueError, match="silenced"), pytest.warns(match="left alone"):
        find_groups(*make(seen))


def test_a_rule_of_other_shapes_says_so():
    seen = torch.overrides.wrap_torch_function(lambda x: (x,))(cube)
    register_rule(seen, lambda x: x.sum(-1))
    with pytest.raises(ValueError, match=r"of cube must give tensors of its shapes, \[\(4, 12\)\], got \[\(4,\)\]"):
        find_groups(*make(seen))


@pytest.mark.parametrize(
    ("operation", "rule", "error", "said"),
    [
        ("rrqr_lapack_tests::g", None, TypeError, "rule must be a function that takes the operation's arguments, got"),
        (3, torch.relu, TypeError, "operation must be an operator, an autograd Function, a function or a name, got 3"),
        (torch.nn.ReLU, torch.relu, TypeError, "operation must be an operator"),
        (torch.nn.functional.linear, torch.relu, ValueError, "operation must be one without a rule, got"),
        (
            torch.ops.aten.add.Tensor,
            torch.relu,
            ValueError,
            r"must be one without a rule, got <OpOverload\(op='aten.add'",
        ),
        ("glu", torch.relu, ValueError, "got 'glu', whose rule is built in"),
    ],
)
def test_what_is_no_operation_or_no_rule_is_refused(operation, rule, error, said):
    with pytest.raises(error, match=said):
        register_rule(operation, rule)


def test_the_example_of_the_page_runs():
    section = PAGE.read_text(encoding="utf-8").split("## Operations of your own")[1].split("\n## ")[0]
    (code,) = re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    names = {"__name__": "torch.md"}
    exec(compile(code, "torch.md", "exec"), names)
    assert names["small"].down.in_features == 16


def attributes(path):
    """Private attributes that a source reads, and those that it defines."""
    read, own = set(), set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            (read if isinstance(node.ctx, ast.Load) else own).add(node.attr)
        elif isinstance(node, ast.FunctionDef):
            own.add(node.name)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            own.add(node.value)  # of __slots__
    return {name for name in read if name.startswith("_") and not name.startswith("__")}, own


def test_private_names_of_pytorch_are_in_one_file_and_still_there():
    """When this fails on a new PyTorch, `_private.py` is what must change."""
    from rrqr_lapack.prune.torch import _private

    found = {path.name: attributes(path) for path in SOURCES.glob("*.py") if path.name != "_private.py"}
    own = set().union(*(names for _, names in found.values())) | {"_replace"}  # that of named tuples
    assert {name: left for name, (read, _) in found.items() if (left := read - own)} == {}
    private = re.compile(r"(?<![\w.])torch\._")  # not of this package's own torch
    assert not any(private.search(path.read_text()) for path in SOURCES.glob("*.py") if path.name != "_private.py")

    x = torch.zeros(2)
    before = _private.changes(x)
    x += 1
    assert _private.changes(x) > before
    model = torch.nn.Linear(2, 2)
    assert (
        _private.compiled_from(torch.compile(model, backend="eager")) is model and _private.compiled_from(model) is None
    )
    assert _private.library_name(torch.ops.aten.add) == _private.library_name(torch.ops.aten.add.Tensor) == "aten::add"
    assert _private.library_name(operator("named")) == "rrqr_lapack_tests::named"
    seen = []

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            seen.append(func)
            return func(*args, **(kwargs or {}))

    with Watch(), _private.untraced():
        x + 1
    assert not seen
