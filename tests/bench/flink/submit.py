"""How the job of each program comes onto the cluster."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.java import MODULE_OPTIONS
from deploy.local.layout import Addresses, Settings, cache_folder
from tests.bench.peers import ROOT

HERE = Path(__file__).resolve().parent
PYFLINK = ROOT / ".tools" / "pyflink" / "bin" / "python"
CONNECTOR = "org.apache.flink:flink-sql-connector-kafka:3.2.0-1.19"
#: What this project sets for its own jobs where it matters, and otherwise Flink's defaults, which favour throughput.
_FLINK = {
    "execution.checkpointing.interval": "2 s",
    "execution.checkpointing.min-pause": "1 s",
    "execution.buffer-timeout.interval": "100 ms",
    "pipeline.auto-watermark-interval": "200 ms",
    "pipeline.object-reuse": "true",
}


class SubmitError(Exception):
    """A job could not be submitted; says what its program said."""


@dataclass(frozen=True)
class Bench:
    """What every job needs: the running stack, and where the benchmark keeps its files."""

    addresses: Addresses
    #: The stack's folder.
    stack: Path
    #: For logs.
    folder: Path


@dataclass(frozen=True)
class Read:
    """What a job reads, and how wide it runs."""

    topic: str
    group: str
    parallelism: int
    #: Name of the job.
    name: str


#: Submits a job; returns when the cluster has it.
Submit = Callable[[Bench, Read], None]


def pyflink(script: str) -> Submit:
    """A script in this folder, submitted by Flink's own client in the environment of `scripts/setup.sh pyflink`."""

    def submit(bench: Bench, read: Read) -> None:
        settings = Settings.read(bench.stack)
        home = Path(settings.flink_home)
        python = str(PYFLINK)
        values = {
            **_FLINK,
            "parallelism.default": str(read.parallelism),
            "python.executable": python,
            "python.client.executable": python,
        }
        arguments = [bench.addresses.kafka, read.topic, read.group, read.name]
        command = [
            *(settings.java, "-cp", f"{home}/lib/*", "org.apache.flink.client.cli.CliFrontend", "run", "--detached"),
            *(f"-D{key}={value}" for key, value in values.items()),
            *("--jarfile", str(connector()), "--python", str(HERE / script), *arguments),
        ]
        # The client reads its configuration where the cluster's is, and so finds the cluster.
        environment = {
            "FLINK_HOME": str(home),
            "FLINK_CONF_DIR": str(bench.stack / "conf"),
            "FLINK_LIB_DIR": str(home / "lib"),
            "FLINK_OPT_DIR": str(home / "opt"),
            "JDK_JAVA_OPTIONS": " ".join(MODULE_OPTIONS),
            "PYTHONWARNINGS": "ignore",
        }
        _run(command, bench.folder / f"{read.name}.log", environment)

    return submit


def naive_beam(bench: Bench, read: Read) -> None:
    """The Beam pipeline that keys by user."""
    at = bench.addresses
    arguments = [at.job_endpoint, at.expansion, at.kafka, read.topic, read.group, read.name, str(read.parallelism)]
    command = [sys.executable, "-m", "tests.bench.flink.naive_keyed", *arguments]
    _run(command, bench.folder / f"{read.name}.log", {})


def segments(emit: str, rules: Path, options: Sequence[str] = ()) -> Submit:
    """This project's live run; changes go to the topic ``<name of the job>-changes``."""

    def submit(bench: Bench, read: Read) -> None:
        kafka = f"kafka://{bench.addresses.kafka}"
        command: list[str] = [
            *(str(Path(sys.executable).with_name("segments")), "run", "--runner", "flink", "--detach"),
            *("--rules", str(rules), "--emit", emit),
            *("--events", f"{kafka}/{read.topic}?group={read.group}", "--changes", f"{kafka}/{read.name}-changes"),
            *(f"--parallelism={read.parallelism}", f"--job_name={read.name}", *options),
        ]
        _run(command, bench.folder / f"{read.name}.log", {"SEGMENTS_STACK": str(bench.stack)})

    return submit


def connector() -> Path:
    """Flink's Kafka connector, fetched into the user's cache when it is not there.

    Raises:
        SubmitError: Maven could not fetch it.
    """
    _, artifact, version = CONNECTOR.split(":")
    folder = cache_folder() / "flink-connector"
    jar = folder / f"{artifact}-{version}.jar"
    if not jar.exists():
        folder.mkdir(parents=True, exist_ok=True)
        plugin = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
        options = [f"-Dartifact={CONNECTOR}", f"-DoutputDirectory={folder}"]
        _run(["mvn", "--batch-mode", plugin, *options], folder / "mvn.log", {})
    return jar


def _run(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
    with log.open("wb") as output:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            cwd=ROOT,
            timeout=600,
            check=False,
        )
    if done.returncode:
        raise SubmitError(f"{log}:\n" + "\n".join(log.read_text(encoding="utf-8").splitlines()[-8:]))
