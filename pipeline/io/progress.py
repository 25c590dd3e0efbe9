"""How far reading has come: steps tell it to what shows it, where both are in one process."""

from collections.abc import Callable

_listeners: list[Callable[[int], None]] = []


def report(count: int) -> None:
    """Say that ``count`` more bytes of input were read."""
    for listener in _listeners:
        listener(count)


class Listening:
    """While entered, ``listener`` hears of every report."""

    def __init__(self, listener: Callable[[int], None]) -> None:
        self._listener = listener

    def __enter__(self) -> None:
        _listeners.append(self._listener)

    def __exit__(self, *exception: object) -> None:
        _listeners.remove(self._listener)
