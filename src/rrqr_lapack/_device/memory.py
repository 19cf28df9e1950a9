"""A device that is full: what did not fit, and what takes less."""

from collections.abc import Iterator
from contextlib import contextmanager

from .standard import Standard
from .types import DeviceArray

NO_COPY = "driver='randomized' with a rank of at most a quarter of the sides makes no copy of the matrix"


class DeviceFull(MemoryError):
    """A device was full, and this says for what."""


@contextmanager
def on_device(library: Standard, a: DeviceArray, cure: str = NO_COPY) -> Iterator[None]:
    """Say what did not fit where the library says that the device is full."""
    try:
        yield
    except DeviceFull:
        raise
    except Exception as error:
        if not library.is_out_of_memory(error):
            raise
        shape = " x ".join(map(str, a.shape))
        raise DeviceFull(
            f"no memory on {library.device} to factor {shape} numbers of {library.dtype} beside what is there; {cure}"
        ) from error
