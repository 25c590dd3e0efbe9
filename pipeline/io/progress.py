"""How far reading has come: steps tell it to what shows it, where both are in one process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

_listeners: list[Callable[[int], None]] = []


def report(count: int) -> None:
    """Say that ``count`` more bytes of input were read."""
    for listener in _listeners:
        listener(count)


@contextmanager
def listening(listener: Callable[[int], None]) -> Iterator[None]:
    """While entered, ``listener`` hears of every report."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
