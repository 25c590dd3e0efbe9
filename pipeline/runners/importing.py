"""Imports of Beam, which take most of a short run's time."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def imported_once() -> Iterator[None]:
    """While entered, modules are imported without garbage collection.

    What they make lives as long as the process, so the collector need not walk it, now or later.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
