"""Numbers in a module that its code reads: integer attributes, and entries of integer buffers."""

from __future__ import annotations

import torch

LONGEST = 16  # entries of a buffer that may be a shape


def numbers(module: torch.nn.Module, *, attributes: bool = True) -> dict[str, int]:
    """The numbers by their names, ``"width"`` or ``"shape[1]"``; torch's own modules have none that are free.

    Examples
    --------
    >>> import torch
    >>> from rrqr_lapack.prune.torch._numbers import numbers, set_number
    >>> module = torch.nn.Identity()
    >>> module.register_buffer("shape", torch.tensor([-1, 8]))
    >>> numbers(module)
    {'shape[0]': -1, 'shape[1]': 8}
    >>> set_number(module, "shape[1]", 4)
    >>> module.shape
    tensor([-1,  4])
    """
    own = type(module).__module__.startswith("torch.nn")
    found = (
        {name: value for name, value in vars(module).items() if type(value) is int} if attributes and not own else {}
    )
    for name, buffer in module.named_buffers(recurse=False):
        if buffer.dtype in (torch.int64, torch.int32) and buffer.numel() <= LONGEST:
            found |= {f"{name}[{i}]": value for i, value in enumerate(buffer.flatten().tolist())}
    return found


def set_number(module: torch.nn.Module, name: str, value: int) -> None:
    """Change one of them."""
    attribute, entry, at = name.partition("[")
    if entry:
        getattr(module, attribute).view(-1)[int(at.rstrip("]"))] = value
    else:
        setattr(module, attribute, value)
