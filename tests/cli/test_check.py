"""``segments check``, ``--version`` and the command line as a whole."""

import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.cli.commands import RULES, run_process, segments, segments_process, write

BROKEN = sorted(Path("tests/segmentation/broken_rules").glob("*.yaml"))


def test_good_file(tmp_path: Path) -> None:
    path = write(tmp_path / "rules.yaml", RULES)
    outcome = segments("check", path)
    assert (outcome.code, outcome.out, outcome.err) == (
        0,
        f"{path}: no errors (version 3, tick 1h, 3 features, 4 segments)\n",
        "",
    )


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_broken_file_names_its_places(path: Path) -> None:
    outcome = segments("check", path)
    assert (outcome.code, outcome.out) == (2, "")
    found = outcome.err.splitlines()
    assert found
    places = [line.split(": ", 1)[0].rsplit(":", 2) for line in found]
    assert all(file == str(path) and line.isdigit() and column.isdigit() for file, line, column in places)


def test_there_are_enough_broken_files() -> None:
    assert len(BROKEN) >= 25


def test_segment_with_a_flag_is_warned_of(tmp_path: Path) -> None:
    path = write(
        tmp_path / "rules.yaml", RULES.replace("{when: views >= 2}", "{when: views >= 2, flag: new-onboarding}")
    )
    outcome = segments("check", path)
    assert outcome.code == 0
    assert "flags are not consulted yet, so these segments are on: active" in outcome.err


def test_missing_file() -> None:
    outcome = segments("check", "missing.yaml")
    assert (outcome.code, outcome.err) == (2, "missing.yaml:1:1: cannot be read: No such file or directory\n")


def test_version() -> None:
    outcome = segments("--version")
    assert (outcome.code, outcome.out) == (0, f"segments {version('segment-pipeline')}\n")


@pytest.mark.parametrize("name", ["chek", "--bogus"])
def test_unknown_command_or_option(name: str) -> None:
    assert segments(name).code == 2


@pytest.mark.parametrize("command", ["check", "run", "generate"])
def test_help_explains_every_option(command: str) -> None:
    outcome = segments(command, "--help")
    assert outcome.code == 0
    for part in outcome.out.split("\n  --")[1:]:
        assert len(part.split()) >= 4, part


def test_check_needs_no_engine(tmp_path: Path) -> None:
    path = write(tmp_path / "rules.yaml", RULES)
    code = f"import sys; sys.argv = ['segments', 'check', {str(path)!r}]\nfrom pipeline.main import main\n"
    code += "try:\n    main()\nfinally:\n    print('apache_beam' in sys.modules)\n"
    outcome = run_process([sys.executable, "-c", code])
    assert outcome.out.splitlines()[-1] == "False"


def test_as_a_process(tmp_path: Path) -> None:
    outcome = segments_process("check", write(tmp_path / "rules.yaml", "version: 1\n"))
    assert outcome.code == 2
    assert len(outcome.err.splitlines()) == 2
