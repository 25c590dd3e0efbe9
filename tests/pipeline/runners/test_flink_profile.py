"""The options of a run on Flink: ours, unless the command line says otherwise."""

import json
from pathlib import Path

import pytest

from pipeline.options.beam_settings import as_arguments, render
from pipeline.options.errors import OptionError
from pipeline.runners.flink import options as profile
from pipeline.runners.flink.known_options import FLINK_OPTIONS, Kind
from pipeline.runners.flink.options import flink_settings

ENDPOINT = "127.0.0.1:8099"


@pytest.fixture(autouse=True)
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place where the worker's program is installed."""
    path = tmp_path / "segments-worker"
    path.touch()
    monkeypatch.setattr(profile.sys, "executable", str(tmp_path / "python"))
    return path


def _values(*beam_args: str, **more: object) -> dict[str, str | None]:
    return {each.name: each.value for each in flink_settings(ENDPOINT, beam_args, **more)}  # type: ignore[arg-type]


def test_worker_is_started_by_the_program_beside_python(program: Path) -> None:
    values = _values()
    assert values["environment_type"] == "PROCESS"
    assert json.loads(str(values["environment_config"])) == {"command": str(program)}


def test_missing_program_is_an_error(program: Path) -> None:
    program.unlink()
    with pytest.raises(OptionError, match=r"--environment_config: .*segments-worker is missing"):
        flink_settings(ENDPOINT)


def test_other_environment_needs_no_program(program: Path) -> None:
    program.unlink()
    values = _values("--environment_type=EXTERNAL", "--environment_config", "127.0.0.1:50000")
    assert not {"environment_type", "environment_config"} & values.keys()


@pytest.mark.parametrize("argument", ["--max_bundle_time_mills=5", "--object_reuse"])
def test_command_line_wins(argument: str) -> None:
    name = argument.removeprefix("--").partition("=")[0]
    assert name in _values()
    assert name not in _values(argument)
    assert as_arguments(flink_settings(ENDPOINT, [argument]), [argument])[-1] == argument


def test_command_line_wins_also_with_the_value_as_a_word_of_its_own() -> None:
    assert "parallelism" not in _values("--parallelism", "3")
    said = ["--parallelism", "3"]
    assert as_arguments(flink_settings(ENDPOINT, said), said)[-2:] == said


@pytest.mark.parametrize("arguments", [("--parallelism=3",), ("--parallelism", "3")])
def test_every_slot_has_a_worker(arguments: tuple[str, ...]) -> None:
    assert _values(*arguments)["sdk_worker_parallelism"] == "3"


def test_savepoint_and_detaching() -> None:
    assert {"savepoint_path", "attached_mode"}.isdisjoint(_values())
    values = _values(savepoint="file:/s/1", detach=True)
    assert values["savepoint_path"] == "file:/s/1"
    assert values["attached_mode"] is None


def test_switches_have_no_value_and_others_have_one() -> None:
    for setting in flink_settings(ENDPOINT, savepoint="file:/s/1", detach=True):
        kind = FLINK_OPTIONS.get(setting.name)
        if kind is not None:
            assert (setting.value is None) == (kind in (Kind.SWITCH, Kind.OFF_SWITCH)), setting.name
        if kind is Kind.NUMBER:
            assert int(str(setting.value)) > 0


def test_rendered_an_option_a_line_with_its_reason() -> None:
    settings = flink_settings(ENDPOINT)
    lines = render(settings, ["--job_name=mine"]).splitlines()
    assert len(lines) == len(settings) + 1
    assert all(setting.why in line and str(setting) in line for setting, line in zip(settings, lines, strict=False))
    assert lines[-1].split() == ["--job_name=mine", "from", "the", "command", "line"]
