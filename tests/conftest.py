"""The tiers of the tests, and where their real parts are.

A tier whose real part is missing is left out as a whole (deselected, never skipped) and the report says so;
``REQUIRE_SERVICES=1`` makes a missing Prism runner, Java, Maven or Go an error. The real event logs cannot be had
everywhere, so their tier is bound to the folder: where it exists, its tests run.
"""

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.database import DirectoryBasedExampleDatabase

from deploy.local import Stack, StackError
from deploy.pubsub_emulator.building import build
from deploy.pubsub_emulator.running import HOST
from tests.pubsub.emulator import attached, running_host
from tests.pubsub.project import Project
from tests.seeds import ALL

ROOT = Path(__file__).resolve().parent.parent
#: Tiers whose real parts can be built wherever their tools are.
SERVICES = ("prism", "flink", "pubsub")
#: The least Java release that the brokers and clusters of the flink tier run on.
JAVA = 17

# Other work may share the machine, so no example is judged by its duration. Under CI the examples never change.
settings.register_profile(
    "local", deadline=None, database=DirectoryBasedExampleDatabase(ROOT / "build" / "cache" / "hypothesis")
)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


def find_prism() -> Path | None:
    """The Prism binary that ``PRISM`` names or, without it, the one that ``make prism`` built.

    Raises:
        pytest.UsageError: ``PRISM`` names no file.
    """
    named = os.environ.get("PRISM")
    if named:
        if not Path(named).is_file():
            raise pytest.UsageError(f"PRISM={named}: no such file")
        return Path(named)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    built = cache / "segment-pipeline" / f"prism-v{version('apache-beam')}" / "prism"
    return built if built.is_file() else None


def find_data() -> Path | None:
    """The folder of the real event logs: ``SEGMENTS_DATA`` or, without it, ``../shared/data`` beside the project.

    Raises:
        pytest.UsageError: ``SEGMENTS_DATA`` names no folder.
    """
    named = os.environ.get("SEGMENTS_DATA")
    if named:
        if not Path(named).is_dir():
            raise pytest.UsageError(f"SEGMENTS_DATA={named}: no such folder")
        return Path(named)
    beside = ROOT.parent / "shared" / "data"
    return beside if beside.is_dir() else None


@functools.cache
def missing_for_flink() -> str | None:
    """What a local Flink cluster and Kafka broker need and this machine lacks."""
    java, maven = shutil.which("java"), shutil.which("mvn")
    if java is None or maven is None:
        return f"no {'java' if java is None else 'mvn'} on the path"
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=60).stderr
    release = re.search(r'version "(\d+)', told)
    if release is None or int(release[1]) < JAVA:
        return f"Java {JAVA} or newer is needed; java -version says {told.strip().partition(os.linesep)[0]!r}"
    return None


@functools.cache
def missing_for_pubsub() -> str | None:
    """What an emulator of Pub/Sub needs and this machine lacks."""
    if running_host():
        return None
    try:
        build()
    except StackError as error:
        return str(error)
    return None


def missing_tiers() -> dict[str, str]:
    """The markers of the tiers that cannot run here, each with what is missing."""
    missing = {}
    if find_prism() is None:
        missing["prism"] = "no prism binary (make prism builds one where there is Go; PRISM names one)"
    if find_data() is None:
        missing["realdata"] = "no folder of real event logs (SEGMENTS_DATA names one)"
    flink = missing_for_flink()
    if flink is not None:
        missing["flink"] = flink
    pubsub = missing_for_pubsub()
    if pubsub is not None:
        missing["pubsub"] = pubsub
    return missing


def pytest_addoption(parser: pytest.Parser) -> None:
    """Live tests measure times, so they run without others beside them."""
    parser.addoption("--live", choices=["only", "never"], help="only tests on a Flink cluster, or all but these")


def pytest_configure(config: pytest.Config) -> None:
    """Refuses to start without Prism, Java, Maven and Go where every tier is required."""
    lacking = [reason for tier, reason in missing_tiers().items() if tier in SERVICES]
    if os.environ.get("REQUIRE_SERVICES") == "1" and lacking:
        raise pytest.UsageError(f"REQUIRE_SERVICES=1, but: {'; '.join(lacking)}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Takes the tests of missing tiers, and what was not asked for, out of the run, and puts the others in order.

    What takes the shared stack down comes last. Slow tests come first where several workers share them out: no long
    one is left at the end.
    """
    live = config.getoption("--live")
    missing = {*missing_tiers(), *(() if ALL else ["further_seed"])}
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        wanted = live is None or (live == "only") is bool(item.get_closest_marker("flink"))
        lacks = any(item.get_closest_marker(tier) for tier in missing)
        (kept if wanted and not lacks else left_out).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept
    shared_out = hasattr(config, "workerinput")

    def place(item: pytest.Item) -> tuple[bool, bool]:
        return bool(item.get_closest_marker("ends_the_stack")), shared_out and not item.get_closest_marker("slow")

    items.sort(key=place)


def pytest_xdist_auto_num_workers() -> int:
    """What ``-n auto`` means: one more than there are cores, since some tests wait for something most of their time."""
    return (os.cpu_count() or 1) + 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says what tests measured, and which tiers did not run, and why, just above the closing line."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{report.location[2]}: {name}: {value}")
    for tier, reason in missing_tiers().items():
        terminalreporter.write_line(f"THE {tier.upper()} TIER DID NOT RUN: {reason}", yellow=True, bold=True)
    if not ALL:
        terminalreporter.write_line("one seed of each crash test; SEGMENTS_SEEDS=all (make test-all) runs all of them")


@pytest.fixture(scope="session")
def prism_location() -> str:
    """Path of the Prism binary, for ``--prism_location``; for tests marked ``prism``."""
    found = find_prism()
    if found is None:
        raise pytest.UsageError("prism_location is for tests marked prism")
    return str(found)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the real event logs; for tests marked ``realdata``."""
    found = find_data()
    if found is None:
        raise pytest.UsageError("data_dir is for tests marked realdata")
    return found


@pytest.fixture(scope="session")
def local_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Real Kafka and Flink processes that all tests marked ``flink`` share: up at first use, down at the end."""
    from tests.acceptance.running import ENVIRONMENT
    from tests.flink.secured import CREDENTIALS

    # Python workers inherit the TaskManager's environment, and with it the keys; Kafka's clients look there too.
    os.environ.update({**ENVIRONMENT, **CREDENTIALS})
    stack = Stack(tmp_path_factory.mktemp("stack"))
    try:
        stack.up(jobmanager_memory="1100m")
        yield stack
    finally:
        stack.down()


@pytest.fixture(scope="session")
def pubsub_host() -> Iterator[str]:
    """``host:port`` of an emulator of Pub/Sub, which ``PUBSUB_EMULATOR_HOST`` names from here on."""
    host = running_host()
    if host:
        yield host
        return
    with attached(build()) as host, pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOST, host)
        yield host


@pytest.fixture(autouse=True)
def emulator_for_its_tests_only(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an emulator, topics of Pub/Sub count as local: no test may find the one of an earlier test."""
    if "pubsub_host" not in request.fixturenames:
        monkeypatch.delenv(HOST, raising=False)


@pytest.fixture
def pubsub(pubsub_host: str) -> Iterator[Project]:
    """A new project on the emulator; for tests marked ``pubsub``."""
    project = Project()
    yield project
    project.close()
