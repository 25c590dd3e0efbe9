"""Starts the emulator, says whether one answers, and stops it."""

import os
from pathlib import Path

import grpc

from deploy.local import processes
from deploy.local.layout import cache_folder
from deploy.local.locks import locked
from deploy.local.ports import HOST as LOOPBACK
from deploy.local.ports import free_port
from deploy.local.problems import StackError, tail
from deploy.pubsub_emulator.building import build

#: The variable by which Pub/Sub's clients know of an emulator.
HOST = "PUBSUB_EMULATOR_HOST"
#: The port that Google's own emulator prefers.
PORT = 8085
#: Seconds that an emulator has to answer.
ANSWER_SECONDS = 10.0
#: Seconds that it has to end in.
END_SECONDS = 5.0


def up() -> str:
    """Starts the emulator where it does not run; returns its ``host:port``.

    Raises:
        StackError: It can't be built, or does not answer.
    """
    folder = _folder()
    record, output = folder / "run.json", folder / "emulator.out"
    with locked(folder):
        process = processes.recorded(record)
        if process is None:
            binary = build()
            # Its address is also what its command line is recognized by.
            token = f"-listen={LOOPBACK}:{free_port(PORT)}"
            process = processes.start(record, token, [str(binary), token], output, os.environ)
        host = process.token.removeprefix("-listen=")
        if not answers(host) or not processes.is_alive(process):
            raise StackError(f"the emulator does not answer at {host}; the end of {output}:\n{tail(output)}")
    return host


def down() -> None:
    """Stops the emulator that `up` has started, if it runs."""
    folder = _folder()
    with locked(folder):
        process = processes.recorded(folder / "run.json")
        if process is not None:
            processes.stop_all([process], END_SECONDS)


def answers(host: str, seconds: float = ANSWER_SECONDS) -> bool:
    """Whether a gRPC server at ``host:port`` takes a connection in time."""
    with grpc.insecure_channel(host) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=seconds)
        except grpc.FutureTimeoutError:
            return False
    return True


def _folder() -> Path:
    return cache_folder() / "pubsub"
