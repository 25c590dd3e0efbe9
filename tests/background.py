"""Work on a thread of its own while a test goes on."""

import threading
from types import TracebackType
from typing import Self

#: Seconds that the work has to end in.
_PATIENCE = 300.0


class Background:
    """Does `_work` as long as its block lasts; what the work raises, leaving the block raises."""

    #: Whether the work has an end of its own, which leaving the block waits for; a block that fails never does.
    _has_end = False

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._try_to_work, name=type(self).__name__, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None or not self._has_end:
            self._stop.set()
        self._thread.join(_PATIENCE)
        if kind is None:
            assert not self._thread.is_alive(), f"{self._thread.name} does not end"
            self.check()

    def check(self) -> None:
        """Raise what the work has raised, where that is not to wait for the end of the block."""
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        """Returns when there is no more to do, or `_stop` is set."""
        raise NotImplementedError  # every kind of work has its own

    def _try_to_work(self) -> None:
        try:
            self._work()
        except Exception as error:  # noqa: BLE001  # told where the block is left
            self._failure = error
