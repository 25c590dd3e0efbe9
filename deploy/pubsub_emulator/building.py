"""The emulator's program, built from the Go sources beside this module into the user's cache."""

import hashlib
import shutil
import sys
import tempfile
from pathlib import Path

from deploy.local.java import run_tool
from deploy.local.layout import cache_folder
from deploy.local.locks import locked
from deploy.local.problems import StackError

HERE = Path(__file__).resolve().parent
#: Seconds that the build may take; the first one fetches modules.
BUILD_SECONDS = 600


def build() -> Path:
    """The program's path; it is built where that was not done before from the same sources.

    Raises:
        StackError: There is no Go to build it with, or the build failed.
    """
    binary = cache_folder() / f"pubsub-emulator-{_sources_hash()}" / "pubsub_emulator"
    if binary.is_file():
        return binary
    go = shutil.which("go")
    if go is None:
        raise StackError("no Go to build the emulator with (PUBSUB_EMULATOR_HOST names one that runs)")
    with locked(cache_folder()), tempfile.TemporaryDirectory(prefix="emulator-build.", dir=cache_folder()) as staging:
        if not binary.is_file():
            sys.stderr.write(f"pubsub: building the emulator into {binary.parent} (once)\n")
            made = Path(staging) / binary.name
            command = [go, "build", "-buildvcs=false", "-o", str(made), "."]
            run_tool(command, "building the emulator", BUILD_SECONDS, HERE)
            binary.parent.mkdir(exist_ok=True)
            made.rename(binary)
    return binary


def _sources_hash() -> str:
    digest = hashlib.sha256()
    for file in sorted([*HERE.glob("*.go"), HERE / "go.mod", HERE / "go.sum"]):
        digest.update(f"{file.name}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
