"""What the stack runs, fetched and built once into the user's cache.

Everything is made in a staging folder and renamed into place: a folder that exists is complete.
"""

import hashlib
import os
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from deploy.local.java import find_maven, run_tool
from deploy.local.layout import cache_folder
from deploy.local.locks import locked
from deploy.local.problems import StackError

FLINK = "1.19.3"
FLINK_SHA256 = "4a58e3a1fb7d83340bc96b6c080624c6d792d69fae5d294b96224775204a9c60"
KAFKA = "4.0.0"
JAR = "segment-pipeline-flink.jar"
HERE = Path(__file__).resolve().parent
SOURCES = HERE.parent / "java"
DISK_NEEDED = 3_000_000_000  # bytes
JARS_KEPT = 3

Say = Callable[[str], None]


def check_disk(folder: Path) -> None:
    """Refuses to go on where the disk is nearly full.

    Raises:
        StackError: Less than 3 GB are free.
    """
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < DISK_NEEDED:
        raise StackError(f"{folder}: {free / 1e9:.1f} GB free, the stack needs {DISK_NEEDED / 1e9:.0f} GB")


def flink_home(say: Say) -> Path:
    """The folder of Flink (``lib``, ``plugins``, ``bin``), fetched with pip if need be.

    Raises:
        StackError: It cannot be fetched, or is not the file that was expected.
    """
    return _cached(f"flink-{FLINK}", _fetch_flink, say, f"fetching Flink {FLINK} (230 MB, once)")


def kafka_jars(say: Say) -> Path:
    """The folder of the broker's jars, fetched with Maven if need be.

    Raises:
        StackError: They cannot be fetched.
    """
    return _cached(f"kafka-{KAFKA}", _fetch_kafka, say, f"fetching Kafka {KAFKA} (45 MB, once)")


def beam_jar(say: Say, sources: Path = SOURCES) -> Path:
    """The jar with Beam's job server, its expansion service and our source, built with Maven where its sources changed.

    Raises:
        StackError: It cannot be built.
    """
    name = f"flink-jar-{sources_hash(sources)}"
    folder = _cached(
        name, lambda staging: _build_jar(sources, staging), say, "building the jar for Flink (some minutes, once)"
    )
    os.utime(folder)
    _forget_old_jars()
    return folder / JAR


def sources_hash(sources: Path) -> str:
    """Sixteen hex digits that change with the pom and everything that goes into the jar.

    Raises:
        StackError: There is no pom.
    """
    if not (sources / "pom.xml").is_file():
        raise StackError(f"{sources} has no pom.xml: the stack is started from a checkout of the project")
    digest = hashlib.sha256()
    for file in _jar_sources(sources):
        digest.update(f"{file.relative_to(sources)}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _jar_sources(sources: Path) -> Iterator[Path]:
    yield sources / "pom.xml"
    yield from sorted(file for file in (sources / "src" / "main").rglob("*") if file.is_file())


def _cached(name: str, make: Callable[[Path], None], say: Say, announcement: str) -> Path:
    folder = cache_folder() / name
    if folder.is_dir():
        return folder
    with locked(cache_folder()):
        if not folder.is_dir():
            check_disk(folder)
            say(announcement)
            for left in cache_folder().glob("stack-build.*"):
                shutil.rmtree(left, ignore_errors=True)  # by a command that was killed: we hold the lock
            with tempfile.TemporaryDirectory(prefix="stack-build.", dir=cache_folder()) as staging:
                content = Path(staging) / "content"
                content.mkdir()
                make(content)
                content.rename(folder)
    return folder


def _fetch_flink(content: Path) -> None:
    download = content.parent
    archive = download / f"apache-flink-libraries-{FLINK}.tar.gz"
    failures = []
    for pip in _pips():
        # The binary wheels of other distributions are never wanted here: Flink's are all in the source archive.
        command = [*pip, "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", str(download)]
        try:
            run_tool([*command, f"apache-flink-libraries=={FLINK}"], f"fetching Flink {FLINK}", 1800, download)
            break
        except StackError as error:
            failures.append(str(error))
    if not archive.is_file():
        raise StackError("\n".join(failures) or "fetching Flink: there is neither pip nor uv to fetch it with")
    check_sum(archive, FLINK_SHA256)
    with tarfile.open(archive) as tar:
        tar.extraction_filter = getattr(tarfile, "data_filter", None)  # not in the first releases of Python 3.11
        tar.extractall(download)
    unpacked = download / f"apache-flink-libraries-{FLINK}" / "deps"
    for part in unpacked.iterdir():
        part.rename(content / part.name)


def _pips() -> Iterator[list[str]]:
    """Ways to call pip, the likeliest first; an environment made by uv has none of its own."""
    with_uv = ["run", "--quiet", "--no-project", "--python", sys.executable, "--with", "pip", "python", "-m", "pip"]
    tools = HERE.parent.parent / ".tools" / "uv" / "bin"
    if find_spec("pip"):
        yield [sys.executable, "-m", "pip"]
    for uv in (shutil.which("uv"), shutil.which("uv", path=str(tools))):
        if uv:
            yield [uv, *with_uv]
    if (tools / "python").is_file():
        yield [str(tools / "python"), "-m", "pip"]
    python = shutil.which("python3")
    if python:
        yield [python, "-m", "pip"]


def check_sum(file: Path, expected: str) -> None:
    """Refuses a file whose SHA-256 is not the expected one.

    Raises:
        StackError: It is another file.
    """
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != expected:
        raise StackError(f"{file.name} has the SHA-256 {found}, expected {expected}: not used")


def _fetch_kafka(content: Path) -> None:
    pom = content.parent / "pom.xml"
    shutil.copy(HERE / "kafka" / "pom.xml", pom)
    command = [find_maven(), "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={content}"]
    run_tool(command, f"fetching Kafka {KAFKA}", 1800, content.parent)


def _build_jar(sources: Path, content: Path) -> None:
    # A copy, so that building leaves nothing in the checkout.
    project = content.parent / "project"
    for file in _jar_sources(sources):
        copy = project / file.relative_to(sources)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    command = [find_maven(), "-q", "-B", "-f", str(project / "pom.xml"), "package", "-DskipTests"]
    run_tool(command, "building the jar for Flink", 1800, project)
    built = project / "target" / JAR
    if not built.is_file():
        raise StackError(f"building the jar for Flink: Maven left no target/{JAR}")
    built.rename(content / JAR)


def _forget_old_jars() -> None:
    """Keeps the last few jars: a stack that runs may still need the one before."""
    found = sorted(cache_folder().glob("flink-jar-*"), key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in found[JARS_KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)
