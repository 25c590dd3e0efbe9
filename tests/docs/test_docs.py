"""The documentation names everything that there is, and nothing that there isn't."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest
import typer

from pipeline.commands import ending
from pipeline.io.pubsub.topics_file import parse_topics
from pipeline.main import app
from pipeline.options.run_arguments import OWN_OPTIONS
from pipeline.runners.summary import Summary
from schemas.types import AuditRecord, DeadLetter
from segmentation.rules.file import parse_rules
from tests.bench.flink.run import parser as bench_flink
from transforms.decoding.reasons import DeadLetterReason
from transforms.keys.sources import PUBLISH_KEY, STATE_KEY
from transforms.mapping.file import parse_mapping

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXTS = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in PAGES}
README, OPERATIONS = TEXTS["README.md"], TEXTS["docs/operations.md"]


def _commands(group: Any, prefix: str = "") -> dict[str, Any]:
    """All commands by their names, those of groups with the group's name before theirs."""
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        found |= _commands(command, f"{name} ") if hasattr(command, "commands") else {prefix + name: command}
    return found


COMMANDS = _commands(typer.main.get_command(app))
OPTIONS = {
    name: [text for parameter in command.params for text in parameter.opts if text.startswith("--")]
    for name, command in COMMANDS.items()
}
#: Options of other programs, and of Beam, that the pages speak of.
OTHERS = {
    "--large", "--repeat", "--direct_running_mode", "--prism_location", "--help", "--version", "--wipe", "--metrics",
    "--job_endpoint", "--environment_type", "--environment_config", "--defaultEnvironmentType", "--experiments",
    "--parallelism", "--max_bundle_time_mills", "--checkpointing_interval", "--max_parallelism",
    "--allow_non_restored_state", "--max_cache_memory_usage_mb", "--filesToStage", "--flink-conf-dir",
    # gcloud, docker and Beam on Dataflow: tests/docs/test_deploy_dataflow.py looks at each.
    "--data-file", "--format", "--platform", "--file", "--build-arg", "--tag", "--image", "--sdk-language",
    "--metadata-file", "--region", "--temp_location", "--sdk_container_image", "--service_account_email", "--status",
    "--update", "--template-file-gcs-location", "--parameters", "--service-account-email", "--subnetwork",
    "--disable-public-ips", "--max-workers", "--staging-location", "--temp-location", "--transform-name-mappings",
    "--max-num-workers", "--time",
}  # fmt: skip
#: Those of `make bench-flink`.
BENCH = set(re.findall(r"^  (--[a-z-]+)", bench_flink().format_help(), re.MULTILINE))


def _blocks(language: str) -> list[tuple[str, str]]:
    found = []
    for page, text in TEXTS.items():
        matches = re.finditer(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        found += [(f"{page}:{text[: match.start()].count(chr(10)) + 1}", match[1]) for match in matches]
    return found


YAML = dict(_blocks("yaml"))


@pytest.mark.parametrize("place", YAML)
def test_yaml_parses(place: str) -> None:
    text = YAML[place]
    if "columns:" in text:
        parse_mapping(text, place)
    elif "project:" in text:
        parse_topics(text, place)
    else:
        parse_rules(text, place)


def test_every_kind_of_feature_has_an_example() -> None:
    kinds = set(re.findall(r"kind: (\w+)", "".join(YAML.values())))
    assert kinds == {"rolling_score", "rolling_count", "journey", "attribute", "recency", "distinct_days"}
    for kind in kinds:
        assert f"### {kind}" in TEXTS["docs/rules.md"]


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_command_and_its_options_are_in_the_readme(command: str) -> None:
    assert f"segments {command}" in README
    named = set(re.findall(r"`(?:segments [^`]*?)?(--[a-z][\w-]*)|(--[a-z][\w-]*) [A-Z]+`", README))
    names = {name for pair in named for name in pair}
    assert not [option for option in OPTIONS[command] if option not in names and option != "--help"]


@pytest.mark.parametrize("page", TEXTS)
def test_no_option_that_does_not_exist(page: str) -> None:
    known = {option for options in OPTIONS.values() for option in options} | OTHERS | BENCH
    named = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", TEXTS[page]))
    assert named <= known


def test_options_for_hints_are_those_of_run() -> None:
    assert set(OWN_OPTIONS) == {*OPTIONS["run"], "--help"}


@pytest.mark.parametrize("reason", DeadLetterReason)
def test_dead_letter_reason(reason: DeadLetterReason) -> None:
    assert f"| `{reason.value}` |" in OPERATIONS


def test_no_dead_letter_reason_that_does_not_exist() -> None:
    section = OPERATIONS.split("## Dead letters")[1].split("## Metrics")[0]
    assert set(re.findall(r"^\| `(\w+)`", section, re.MULTILINE)) == {reason.value for reason in DeadLetterReason}


def test_dead_letter_fields() -> None:
    assert not [name for name in DeadLetter.__dataclass_fields__ if f"`{name}`" not in OPERATIONS]


def test_audit_fields() -> None:
    section = OPERATIONS.split("## Audit")[1].split("## Metrics")[0]
    assert not [name for name in AuditRecord.__dataclass_fields__ if f"`{name}`" not in section]


def test_summary_fields() -> None:
    section = OPERATIONS.split("## Summary")[1].split("## Dead letters")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(Summary.__dataclass_fields__)


def test_metrics() -> None:
    """What the code counts under literal names, and under names with a part that varies."""
    files = [*(ROOT / "transforms").rglob("*.py"), *(ROOT / "pipeline" / "io").rglob("*.py")]
    files += (ROOT / "deploy" / "java" / "src" / "main").rglob("*.java")
    code = "".join(path.read_text(encoding="utf-8") for path in files)
    made = set(re.findall(r"""Metrics\.(?:counter|gauge)\(\s*(?:NAMESPACE|"segments"), f?"([^"]+)"\s*\)""", code))
    made |= set(re.findall(r"""^        \("([a-z._]+)", now\.""", code, re.MULTILINE))
    section = OPERATIONS.split("## Metrics")[1].split("## Alerts")[0]
    documented = set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE))
    assert {re.sub(r"\{.*?\}", "<>", name) for name in made} == {re.sub(r"<.*?>", "<>", name) for name in documented}


@pytest.mark.parametrize("code", [0, ending.EXIT_FAILED, ending.EXIT_USAGE, ending.EXIT_INTERRUPTED])
def test_exit_code(code: int) -> None:
    section = README.split("| exit code |")[1]
    assert re.search(rf"^\| {code} \|", section, re.MULTILINE)


@pytest.mark.parametrize("name", [STATE_KEY, PUBLISH_KEY, f"{STATE_KEY}_FILE", f"{PUBLISH_KEY}_FILE"])
def test_key_variable(name: str) -> None:
    assert f"`{name}`" in OPERATIONS


@pytest.mark.parametrize("page", TEXTS)
def test_relative_links_resolve(page: str) -> None:
    folder = (ROOT / page).parent
    links = [link for link in re.findall(r"\]\(([^)]+)\)", TEXTS[page]) if "://" not in link]
    assert not [link for link in links if not (folder / link.partition("#")[0]).exists()]


@pytest.mark.parametrize("page", TEXTS)
def test_paths_that_are_named_exist(page: str) -> None:
    folders = "pipeline|transforms|segmentation|schemas|onboarding|deploy|tests|docs|examples|scripts"
    named = re.findall(rf"`((?:{folders})/[\w./-]*)`", TEXTS[page])
    assert not [path for path in named if not (ROOT / path).exists()]


@pytest.mark.parametrize("page", TEXTS)
def test_make_targets_exist(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", TEXTS[page], re.MULTILINE)) <= targets


def test_every_make_target_is_documented() -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    page = TEXTS["docs/contributing.md"]
    assert not [target for target in targets if f"`make {target}`" not in page and target != "help"]


def test_decisions_are_numbered_and_listed() -> None:
    records = sorted(path.name for path in (ROOT / "docs" / "adr").glob("0*.md"))
    assert re.findall(r"\((0[\w-]+\.md)\)", TEXTS["docs/adr/README.md"]) == records
    numbers = [int(name[:4]) for name in records]
    assert numbers == sorted(set(numbers)), "each number once; one that is missing belongs to work under way"
    for number, name in zip(numbers, records, strict=True):
        for part in (f"# {number}. ", "**Context.**", "**Decision.**", "**Consequences.**"):
            assert part in TEXTS[f"docs/adr/{name}"]


def test_division_by_a_literal_is_as_the_decision_says(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    [(_, block)] = [each for each in _blocks("sh") if "pl.col('x') / 49" in each[1]]
    script = tmp_path / "division.py"
    script.write_text(block.split('-c "')[1].rsplit('"', 1)[0])
    runpy.run_path(str(script))
    by_literal, by_row = map(int, capsys.readouterr().out.split())
    assert by_literal > 0
    assert by_row == 0


def test_examples_are_good() -> None:
    for path in (ROOT / "examples").glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        (parse_topics if "topics:" in text else parse_rules)(text, path.name)
