"""A TCP proxy that can be cut and healed, to stand between a client and the emulator."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self


class Proxy:
    """Listens on loopback and passes on what comes; the faults are for those who test."""

    def __init__(self, target: str) -> None:
        """``target`` is the host:port that connections lead to."""
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._cut = False
        self._mute = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def host(self) -> str:
        """The host:port to connect to."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> None:
        """End all connections, and every new one at once."""
        with self._lock:
            self._cut = True
            for each in self._open:
                _hang_up(each)

    def mute(self) -> None:
        """Keep answers back: what is asked for is done, and nobody learns of it."""
        self._mute = True

    def heal(self) -> None:
        """Let new connections through again. Those that were muted are ended: an answer is missing from them."""
        self.cut()
        self._mute = False
        self._cut = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        # Closing alone does not wake who waits for a connection.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with suppress(OSError):
                self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        with self._lock:
            if self._cut:
                client.close()
                return
            server = socket.create_connection(self._target)
            self._open |= {client, server}
        threading.Thread(target=self._pump, args=(client, server, False), daemon=True).start()
        threading.Thread(target=self._pump, args=(server, client, True), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if not (answers and self._mute):
                    sink.sendall(data)
        _hang_up(sink)
        with self._lock:
            self._open.discard(source)
        source.close()


def _hang_up(connection: socket.socket) -> None:
    """The other thread that uses it is woken, and closes it."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
