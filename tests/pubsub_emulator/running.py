"""Where the emulator is, and whether one answers."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc

BUILD = Path(__file__).resolve().parents[2] / "scripts" / "build_pubsub_emulator.sh"
HOST = "PUBSUB_EMULATOR_HOST"
#: Seconds that the emulator, or one that somebody else runs, has to answer.
ANSWER_SECONDS = 10.0


def build() -> str:
    """The path of the emulator, built where need be; empty where it can't be built."""
    environment = {**os.environ, "REQUIRE_SERVICES": "0"}  # whoever asks has an error of their own for that
    return subprocess.run([BUILD], stdout=subprocess.PIPE, text=True, check=True, env=environment).stdout.strip()


def answers(host: str, seconds: float = ANSWER_SECONDS) -> bool:
    """Whether a gRPC server at ``host:port`` takes a connection in time."""
    with grpc.insecure_channel(host) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=seconds)
        except grpc.FutureTimeoutError:
            return False
    return True


@contextmanager
def attached(binary: str) -> Iterator[str]:
    """An emulator that ends with this process at the latest; gives its ``host:port``."""
    process = subprocess.Popen([binary, "-attached"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("pipes were asked for")
    with process:
        try:
            yield process.stdout.readline().strip().removeprefix(f"{HOST}=")
        finally:
            process.stdin.close()
            process.wait(timeout=ANSWER_SECONDS)


def running_host() -> str:
    """The emulator that the environment names; empty without one."""
    return os.environ.get(HOST, "")
