"""Tasks, as many as there are blocks, in one layer of the graph.

A `delayed` call for each block would make a layer, and a list of all layers before it, for each: memory and time of the
client would grow with the square of the number of blocks.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, TypeGuard

import dask.array as da
import numpy as np
from dask.base import tokenize
from dask.delayed import Delayed
from dask.highlevelgraph import HighLevelGraph
from dask.utils import funcname
from numpy.typing import NDArray

SPLIT_EVERY = 4  # parts that a node of a tree merges
Grid: TypeAlias = NDArray[np.object_]


def blocks_of(x: Any) -> Grid:
    """The delayed blocks, a grid of them. No graph is optimized but the one of all that is computed together.

    A block that one result alone is made of would be fused into it there, and computed once more for another result.
    """
    blocks: Grid = x.to_delayed(optimize_graph=False)
    return blocks


def grid_of(values: Sequence[Any]) -> Grid:
    """A grid of one dimension, of numbers for one."""
    grid = np.empty(len(values), object)
    grid[:] = values
    return grid


def tasks(function: Callable[..., Any], *arguments: Any) -> Grid:
    """`function` at each place of the grids among the arguments, as broadcast; what is no grid is the same for all.

    Arguments are delayed, arrays or numbers: neither tuples nor text, in which Dask would look for keys.
    """
    name = _name(function, arguments)
    shape = np.broadcast_shapes(*(each.shape for each in arguments if _is_grid(each)))
    spread = [np.broadcast_to(_keys(each), shape) if _is_grid(each) else _key(each) for each in arguments]
    layer = {
        (name, *place): (function, *(each[place] if _is_grid(each) else each for each in spread))
        for place in np.ndindex(shape)
    }
    return _delayed(list(layer), name, layer, arguments).reshape(shape)


def merged(parts: Grid, merge: Callable[..., Any], split_every: int = SPLIT_EVERY) -> Any:
    """All parts along the first dimension merged by a tree, `split_every` at a node, which takes them as arguments."""
    if len(parts) == 1:
        return parts[0]
    name = _name(merge, (parts, split_every))
    layer: dict[Any, Any] = {}
    roots: list[Any] = []
    for column, keys in enumerate(_keys(parts).reshape(len(parts), -1).T):
        level, depth = list(keys), 0
        while len(level) > 1:
            groups = [level[i : i + split_every] for i in range(0, len(level), split_every)]
            nodes = [(name, column, depth, i) for i in range(len(groups))]
            layer |= {node: (merge, *group) for node, group in zip(nodes, groups, strict=True) if len(group) > 1}
            level = [node if len(group) > 1 else group[0] for node, group in zip(nodes, groups, strict=True)]
            depth += 1
        roots += level
    found = _delayed(roots, name, layer, (parts,)).reshape(parts.shape[1:])
    return found if found.ndim else found[()]


def gathered(function: Callable[..., Any], parts: Grid, *arguments: Any) -> Any:
    """`function` of a list of all parts, of lists where they have two dimensions, and of the other arguments."""
    name = _name(function, (parts, *arguments))
    layer = {name: (function, _keys(parts).tolist(), *map(_key, arguments))}
    return _delayed([name], name, layer, (parts, *arguments))[0]


def stacked(parts: Grid, heights: Sequence[float], width: float, like: Any) -> Any:
    """Delayed blocks on top of each other as a Dask array."""
    name = f"stacked-{tokenize(_keys(parts).tolist())}"
    layer = {(name, i, 0): key for i, key in enumerate(_keys(parts))}
    return da.Array(_graph(name, layer, (parts,)), name, (tuple(heights), (width,)), meta=like)


def _is_grid(each: Any) -> TypeGuard[Grid]:
    return isinstance(each, np.ndarray) and each.dtype == object


def _key(each: Any) -> Any:
    """What stands for an argument in a task."""
    return each.key if isinstance(each, Delayed) else each


def _keys(grid: Grid) -> Grid:
    keys: Grid = np.frompyfunc(_key, 1, 1)(grid)
    return keys


def _name(function: Callable[..., Any], arguments: Iterable[Any]) -> str:
    """Of a layer: the same for the same function of the same."""
    keys = [_keys(each).tolist() if _is_grid(each) else _key(each) for each in arguments]
    return f"{funcname(function)}-{tokenize(function, keys)}"


def _graph(name: str, layer: Mapping[Any, Any], arguments: Iterable[Any]) -> HighLevelGraph:
    """The layer upon those that the arguments come from, each of which is taken once."""
    every = (part for each in arguments for part in (each.flat if _is_grid(each) else (each,)))
    below = {part.__dask_layers__(): part for part in every if isinstance(part, Delayed)}
    return HighLevelGraph.from_collections(name, layer, dependencies=list(below.values()))


def _delayed(keys: Sequence[Any], name: str, layer: Mapping[Any, Any], arguments: Iterable[Any]) -> Grid:
    """The tasks of these keys, which share one graph."""
    graph = _graph(name, layer, arguments)
    return grid_of([Delayed(key, graph, layer=name) for key in keys])
