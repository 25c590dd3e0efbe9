"""deploy/terraform: well-formed, everything it names is there, and the providers know every field of it."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.deploy.terraform_files import FILES, blocks, kinds_in_use, names, parsed
from tests.deploy.terraform_schema import COMMITTED

SCHEMA: dict[str, Any] = json.loads(COMMITTED.read_text(encoding="utf-8"))
TEXT = "\n".join(re.sub(r"^\s*#.*", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE) for path in FILES)
#: What Terraform itself knows in every block.
META = {"for_each", "count", "depends_on", "provider", "lifecycle", "dynamic"}


def test_every_file_is_read() -> None:
    assert len(FILES) > 5
    assert all(parsed(path) for path in FILES)


def test_providers_are_asked_about_every_kind() -> None:
    assert set(SCHEMA) == kinds_in_use()


def _unfit(body: dict[str, Any], fields: dict[str, Any], place: str) -> Iterator[str]:
    body = {key.strip('"'): value for key, value in body.items() if not key.startswith("__")}
    nested = {key: value for key, value in body.items() if key not in META}
    for each in body.get("dynamic", []):
        for key, dynamic in each.items():
            if not key.startswith("__"):
                nested[key.strip('"')] = dynamic["content"]
    for key, value in nested.items():
        if key not in fields:
            yield f"{place}: the provider knows no {key}"
            continue
        inner = fields[key].get("block")
        is_block = isinstance(value, list) and any(isinstance(each, dict) and "__is_block__" in each for each in value)
        if is_block != (inner is not None):
            yield f"{place}: {key} is {'no' if is_block else 'a'} block"
        elif inner is not None:
            for each in value:
                yield from _unfit(each, inner, f"{place}.{key}")
    yield from (f"{place}: {key} is missing" for key, field in fields.items() if field["needed"] and key not in nested)


@pytest.mark.parametrize("section", ["resource", "data"])
def test_providers_know_every_field(section: str) -> None:
    found = [
        problem
        for block in blocks(section)
        for problem in _unfit(block.body, SCHEMA[block.kind]["fields"], f"{block.kind}.{block.name}")
    ]
    assert not found


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"nmae": "x"}, "the provider knows no nmae"),
        ({"topic": None}, "topic is missing"),
        ({"dead_letter_policy": "x"}, "dead_letter_policy is a block"),
        ({"expiration_policy": [{"__is_block__": True}]}, "expiration_policy: ttl is missing"),
    ],
)
def test_field_that_does_not_fit_is_found(change: dict[str, Any], found: str) -> None:
    [body] = [block.body for block in blocks() if block[:2] == ("google_pubsub_subscription", "changes")]
    changed = {key: value for key, value in {**body, **change}.items() if value is not None}
    fields = SCHEMA["google_pubsub_subscription"]["fields"]
    assert [problem for problem in _unfit(changed, fields, "changes") if found in problem]


def test_everything_named_is_there_and_everything_there_is_named() -> None:
    for section, word in (("variable", "var"), ("locals", "local")):
        assert set(re.findall(rf"\b{word}\.(\w+)", TEXT)) == names(section), section
    known = {f"{block.kind}.{block.name}" for block in blocks()}
    assert set(re.findall(r"(?<![\w./])(?<!data\.)(google_\w+\.\w+)", TEXT)) <= known
    assert set(re.findall(r"data\.(google_\w+\.\w+)", TEXT)) == {f"{each.kind}.{each.name}" for each in blocks("data")}


def test_names_of_resources_are_unique() -> None:
    found = [block[:2] for block in blocks()]
    assert len(found) == len(set(found))


def test_nobody_gets_a_role_that_could_do_everything() -> None:
    roles = set(re.findall(r'"(roles/[\w.]+)"', TEXT))
    assert roles
    assert not [role for role in roles if re.search(r"owner|editor|\.admin$", role) or role == "roles/viewer"]


def test_only_the_worker_reads_the_keys() -> None:
    accessors = [block for block in blocks() if block.kind == "google_secret_manager_secret_iam_member"]
    assert [block.body["member"] for block in accessors] == ["${google_service_account.worker.member}"]


def test_no_value_of_a_secret_is_in_terraform() -> None:
    assert "google_secret_manager_secret_version" not in kinds_in_use()


def test_subscription_that_dataflow_reads_has_nothing_that_dataflow_does_not_support() -> None:
    bodies = {block.name: block.body for block in blocks() if block.kind == "google_pubsub_subscription"}
    unsupported = {"dead_letter_policy", "retry_policy", "enable_message_ordering", "enable_exactly_once_delivery"}
    assert not unsupported & bodies["events"].keys()
    assert {"dead_letter_policy", "enable_message_ordering"} <= bodies["changes"].keys()
