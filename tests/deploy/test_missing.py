"""What the machine lacks is said in a line, before anything is started."""

import subprocess
from pathlib import Path

import pytest

from deploy.local import Stack, StackError, downloads, java
from deploy.local.problems import tail


def program(folder: Path, name: str, script: str) -> Path:
    """A shell script on a path."""
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH; no JAVA_HOME."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return folder


def test_no_java(bare: Path) -> None:
    with pytest.raises(StackError, match=r"needs Java 17 .* no java on PATH"):
        java.find_java()


def test_java_home_without_java(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(bare))
    with pytest.raises(StackError, match=f"JAVA_HOME={bare} has no bin/java"):
        java.find_java()


@pytest.mark.parametrize("said", ['openjdk version "11.0.22" 2024-01-16', 'java version "1.8.0_392"'])
def test_java_too_old(bare: Path, said: str) -> None:
    found = program(bare, "java", f"echo '{said}' >&2")
    with pytest.raises(StackError, match=rf"needs Java 17 or newer, but {found} is Java (11|8)"):
        java.find_java()


def test_java_that_is_none(bare: Path) -> None:
    program(bare, "java", "echo 'No Java runtime present' >&2; exit 1")
    with pytest.raises(StackError, match="says nothing of a version"):
        java.find_java()


@pytest.mark.parametrize(
    ("said", "major"),
    [
        ('openjdk version "17.0.15" 2025', 17),
        ('openjdk version "21" 2023', 21),
        ('java version "1.8.0_1"', 8),
        ("", None),
    ],
)
def test_versions(said: str, major: int | None) -> None:
    assert java.major_version(said) == major


def test_no_maven(bare: Path) -> None:
    with pytest.raises(StackError, match=r"needs Maven.* no mvn on PATH"):
        java.find_maven()


def test_a_failing_tool_is_quoted(bare: Path, tmp_path: Path) -> None:
    tool = program(bare, "mvn", "echo '[ERROR] cannot resolve'; exit 3")
    with pytest.raises(StackError, match=r"fetching Kafka: mvn failed with 3:\n +\[ERROR\] cannot resolve"):
        java.run_tool([str(tool)], "fetching Kafka", 60, tmp_path)


def test_a_tool_that_hangs_is_ended(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"fetching Kafka: sleep took longer than 0 s"):
        java.run_tool(["sleep", "60"], "fetching Kafka", 0.2, tmp_path)


def test_a_disk_that_is_nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "DISK_NEEDED", 10**18)
    with pytest.raises(StackError, match=r"GB free, the stack needs 1000000000 GB"):
        Stack(tmp_path / "stack").up()
    assert not (tmp_path / "stack").exists()


def test_a_failed_download_leaves_nothing(bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    program(bare, "mvn", "echo '[ERROR] no route to host'; exit 1")
    with pytest.raises(StackError, match="no route to host"):
        downloads.kafka_jars(lambda _: None)
    assert [file.name for file in (tmp_path / "cache" / "segment-pipeline").iterdir()] == ["lock"]


def test_a_download_that_is_another_file(tmp_path: Path) -> None:
    (tmp_path / "flink.tar.gz").write_bytes(b"not it")
    with pytest.raises(StackError, match=r"flink\.tar\.gz has the SHA-256 [0-9a-f]{64}, expected 00: not used"):
        downloads.check_sum(tmp_path / "flink.tar.gz", "00")


def test_the_jar_is_built_anew_when_its_sources_change(tmp_path: Path) -> None:
    sources = tmp_path / "src" / "main" / "java"
    sources.mkdir(parents=True)
    (tmp_path / "pom.xml").write_text("<project/>")
    before = downloads.sources_hash(tmp_path)
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "A.class").write_text("")
    assert downloads.sources_hash(tmp_path) == before
    (sources / "A.java").write_text("class A {}")
    assert downloads.sources_hash(tmp_path) != before


def test_no_sources_of_the_jar(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"has no pom\.xml"):
        downloads.sources_hash(tmp_path)


def test_the_end_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    assert tail(log) == "    (no log)"
    log.write_text("\n".join(map(str, range(100))))
    assert tail(log, 2) == "    98\n    99"


def test_what_java_runs_under_is_found_here() -> None:
    """The ``java`` that the stack would use, where there is one, answers to the options that every part gets."""
    try:
        found = java.find_java()
    except StackError:
        return
    subprocess.run([found, *java.MODULE_OPTIONS, "-version"], check=True, capture_output=True)
