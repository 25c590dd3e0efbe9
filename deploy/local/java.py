"""Java and Maven as they are found on the machine."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from deploy.local.layout import scratch_of
from deploy.local.problems import StackError

#: Kafka 4's broker is built for it; Flink 1.19 and Beam run on it.
NEEDED = 17

# What Flink reaches into by reflection, from its own default configuration; its client in the job server does too.
_EXPORTS = (
    "java.base/sun.net.util",
    "java.rmi/sun.rmi.registry",
    "java.security.jgss/sun.security.krb5",
    "jdk.compiler/com.sun.tools.javac.api",
    "jdk.compiler/com.sun.tools.javac.file",
    "jdk.compiler/com.sun.tools.javac.parser",
    "jdk.compiler/com.sun.tools.javac.tree",
    "jdk.compiler/com.sun.tools.javac.util",
)
_OPENS = (
    "java.base/java.lang",
    "java.base/java.lang.reflect",
    "java.base/java.net",
    "java.base/java.io",
    "java.base/java.nio",
    "java.base/java.text",
    "java.base/java.time",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/java.util.concurrent.locks",
    "java.base/sun.nio.ch",
)
#: Logs to the file that the property ``log.file`` names.
LOGGING = Path(__file__).resolve().parent / "log4j2.properties"

MODULE_OPTIONS = (
    *(f"--add-exports={name}=ALL-UNNAMED" for name in _EXPORTS),
    *(f"--add-opens={name}=ALL-UNNAMED" for name in _OPENS),
)


def java_options(folder: Path, token: str, name: str) -> list[str]:
    """The options that every part of a stack gets."""
    return [
        f"-Dsegments.part={token}",
        f"-Dlog.file={folder / 'logs' / name}.log",
        f"-Djava.io.tmpdir={scratch_of(folder, name)}",
    ]


def find_java() -> str:
    """The path of ``java``: that of ``JAVA_HOME`` or, without it, the one on PATH.

    Raises:
        StackError: There is none, or it is too old.
    """
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=str(Path(home) / "bin")) if home else shutil.which("java")
    if java is None:
        where = f"JAVA_HOME={home} has no bin/java" if home else "there is no java on PATH"
        raise StackError(f"the stack needs Java {NEEDED} (a JDK): {where}")
    try:
        found = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StackError(f"the stack needs Java {NEEDED}, but {java} cannot be run: {error}") from error
    version = major_version(found.stderr + found.stdout)
    if version is None:
        raise StackError(f"the stack needs Java {NEEDED}, but {java} -version says nothing of a version")
    if version < NEEDED:
        raise StackError(
            f"the stack needs Java {NEEDED} or newer, but {java} is Java {version}; JAVA_HOME names another"
        )
    return java


def major_version(text: str) -> int | None:
    """The major version in what ``java -version`` prints (8 for ``1.8.0_392``); None where there is none."""
    found = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(found.group(1)) if found else None


def find_maven() -> str:
    """The path of ``mvn``.

    Raises:
        StackError: There is none.
    """
    maven = shutil.which("mvn")
    if maven is None:
        raise StackError("the stack needs Maven, once, to fetch Kafka and to build its jar: there is no mvn on PATH")
    return maven


def run_tool(command: Sequence[str], purpose: str, seconds: float, folder: Path) -> None:
    """Runs a tool in a folder to its end.

    Raises:
        StackError: It failed or took longer; with the end of what it said.
    """
    try:
        done = subprocess.run(
            list(command),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as error:
        raise StackError(f"{purpose}: {command[0]} took longer than {seconds:.0f} s") from error
    except OSError as error:
        raise StackError(f"{purpose}: {command[0]} cannot be run: {error.strerror}") from error
    if done.returncode:
        said = [f"    {line}" for line in done.stdout.splitlines() if line.strip()][-12:]
        raise StackError("\n".join([f"{purpose}: {Path(command[0]).name} failed with {done.returncode}:", *said]))
