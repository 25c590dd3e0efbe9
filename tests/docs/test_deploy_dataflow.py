"""docs/deploy-dataflow.md: what it tells to type is run where no cloud is needed, and else held against references."""

import json
import re
import shlex
from pathlib import Path

import pytest

from deploy.dataflow.launch import command_line
from pipeline.runners.dataflow.template import metadata
from tests.cli.commands import segments
from tests.dataflow.launching import IMAGE
from tests.deploy.terraform_files import blocks, names

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "deploy-dataflow.md").read_text(encoding="utf-8")
#: Values that the page has from commands that need a cloud.
FROM_A_CLOUD = {"IMAGE": IMAGE, "BEAM": IMAGE, "LAUNCHER": IMAGE}
#: From the reference of gcloud (docs.cloud.google.com/sdk/gcloud/reference/…): the flags that the page may use.
GCLOUD = {
    "auth application-default login": set(),
    "auth configure-docker": set(),
    "config set": set(),
    "dataflow flex-template build": {"--image", "--sdk-language", "--metadata-file"},
    "dataflow flex-template run": {
        "--update", "--region", "--template-file-gcs-location", "--parameters", "--service-account-email",
        "--subnetwork", "--disable-public-ips", "--max-workers", "--staging-location", "--temp-location",
        "--transform-name-mappings",
    },
    "dataflow jobs drain": {"--region"},
    "dataflow jobs list": {"--region", "--status"},
    "dataflow jobs update-options": {"--region", "--max-num-workers"},
    "pubsub subscriptions seek": {"--time"},
    "secrets versions add": {"--data-file"},
    "storage cp": set(),
}  # fmt: skip
#: From the references of docker build, push, and buildx imagetools inspect.
DOCKER = {"build": {"--platform", "--file", "--build-arg", "--tag"}, "push": set(), "buildx": {"--format"}}


def _lines() -> list[str]:
    found = re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    return [line for block in found for line in block.splitlines() if line.strip()]


def _values() -> dict[str, str]:
    """Variables of the page, but what comes from a cloud."""
    values: dict[str, str] = {}
    for line in _lines():
        if line.startswith("export "):
            # What $(…) asks a registry for is in FROM_A_CLOUD.
            for name, value in re.findall(r"(\w+)=(\S*\$\([^)]*\)|\S+)", line.removeprefix("export ")):
                values.setdefault(name, FROM_A_CLOUD.get(name) or _filled(value, values))
    return values


def _filled(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\$(\w+)", lambda found: values[found[1]], text)


VALUES = _values()
COMMANDS = [
    shlex.split(_filled(part, VALUES))
    for line in _lines()
    if not line.startswith("export ")
    for part in line.split(" | ")
]


def _of(program: str) -> list[list[str]]:
    return [command[1:] for command in COMMANDS if command[0] == program]


def test_every_command_is_of_a_program_that_is_looked_at() -> None:
    assert {command[0] for command in COMMANDS} == {"gcloud", "terraform", "segments", "docker", "head", "base64"}


def test_dry_run_is_as_the_page_says() -> None:
    [run] = [words for words in _of("segments") if words[0] == "run"]
    outcome = segments(*[word if word != "examples/rules.yaml" else ROOT / word for word in run])
    assert outcome.code == 0, outcome.err
    assert "ready to run on Dataflow in project my-project" in outcome.out


def test_rules_are_good() -> None:
    [check] = [words for words in _of("segments") if words[0] == "check"]
    assert segments(check[0], ROOT / check[1]).code == 0


@pytest.mark.parametrize("words", _of("gcloud"), ids=lambda words: " ".join(words[:4]))
def test_gcloud_knows_the_command_and_its_flags(words: list[str]) -> None:
    [(name, known)] = [(name, known) for name, known in GCLOUD.items() if " ".join(words).startswith(name)]
    flags = {word.partition("=")[0] for word in words[len(name.split()) :] if word.startswith("--")}
    assert flags <= known


def test_parameters_of_a_launch_are_those_of_the_template() -> None:
    known = {each["name"]: each for each in metadata()["parameters"]}
    [run] = [words for words in _of("gcloud") if "flex-template" in words and "run" in words]
    given = dict(each.split("=", 1) for each in run[run.index("--parameters") + 1].split(","))
    assert {name for name, each in known.items() if not each["isOptional"]} <= set(given) <= set(known)
    for name, value in given.items():
        assert all(re.fullmatch(pattern, value) for pattern in known[name]["regexes"]), name


def test_parameters_of_a_launch_make_a_job() -> None:
    [run] = [words for words in _of("gcloud") if "flex-template" in words and "run" in words]
    given = dict(each.split("=", 1) for each in run[run.index("--parameters") + 1].split(","))
    given["rules"] = str(ROOT / "examples" / "rules.yaml")
    arguments = [f"--{name}={value}" for name, value in given.items()]
    added = ["--runner=DataflowRunner", "--region=europe-west1", "--temp_location=gs://my-project-segments-temp/temp"]
    account = "--service_account_email=segments-worker@my-project.iam.gserviceaccount.com"
    outcome = segments(*command_line([*arguments, *added, account]), "--dry-run")
    assert outcome.code == 0, outcome.err


def test_terraform_gets_variables_that_it_has_and_all_that_it_needs() -> None:
    given = {name.removeprefix("TF_VAR_") for name in VALUES if name.startswith("TF_VAR_")}
    assert {"project", "region", "subnetwork"} <= given <= names("variable")
    assert {words[1] for words in _of("terraform")} == {"init", "apply"}
    assert all((ROOT / words[0].removeprefix("-chdir=")).is_dir() for words in _of("terraform"))


@pytest.mark.parametrize("words", _of("docker"), ids=lambda words: words[0])
def test_docker_knows_the_flags(words: list[str]) -> None:
    assert {word for word in words if word.startswith("--")} <= DOCKER[words[0]]
    if "--file" in words:
        assert (ROOT / words[words.index("--file") + 1]).is_file()
        assert {each.partition("=")[0] for each in words if each.startswith(("BEAM=", "LAUNCHER="))} == {
            "BEAM",
            "LAUNCHER",
        }


def test_beam_of_the_image_is_that_of_the_lock_file() -> None:
    lock = (ROOT / "uv.lock").read_text(encoding="utf-8")
    [version] = re.findall(r'name = "apache-beam"\nversion = "([\d.]+)"', lock)
    assert f"apache/beam_python3.11_sdk:{version}" in TEXT


def test_names_on_the_page_are_those_that_terraform_gives() -> None:
    prefix = "${var.name}"
    made = {
        str(block.body[field]).strip('"').replace(prefix, "segments").replace("${var.project}", "my-project")
        for block in blocks()
        for field in ("name", "secret_id", "account_id", "repository_id")
        if field in block.body
    }
    for key in ("state", "temp", "config", "staging", "changes", "pseudonym"):
        made |= {name.replace("${each.key}", key) for name in made}
    text = _filled(" ".join(_lines()), VALUES)
    for pattern in (
        r"gs://([\w-]+)/", r"subscriptions/(segments[\w-]*)", r"topics/(segments[\w-]*)", r"secrets/([\w-]+)/",
        r"versions add ([\w-]+)", r"(segments-worker)@", r"subscriptions seek ([\w-]+)",
    ):  # fmt: skip
        found = set(re.findall(pattern, text))
        assert found, pattern
        assert found <= made | {"var.name"}, pattern


def test_every_alert_says_what_to_do() -> None:
    rows = set(re.findall(r"^\| `(\w+)` \|", TEXT.split("## Alerts")[1], re.MULTILINE))
    alerts = (ROOT / "deploy" / "terraform" / "alerts.tf").read_text(encoding="utf-8")
    assert rows == set(re.findall(r"^    (\w+) = \{", alerts, re.MULTILINE)) | {"undelivered"}


def test_provider_version_of_the_page_is_that_of_the_check() -> None:
    schema = json.loads((ROOT / "tests" / "deploy" / "terraform_schema.json").read_text(encoding="utf-8"))
    assert {each["version"].rsplit(".", 1)[0] for each in schema.values()} == {"6.50"}
    assert "(6.50)" in TEXT
