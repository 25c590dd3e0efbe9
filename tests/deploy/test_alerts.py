"""The rules for Prometheus: they ask for metrics that there are, and the docs say what to do."""

import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def rules() -> list[dict[str, Any]]:
    found = YAML(typ="safe").load((ROOT / "deploy" / "prometheus" / "alerts.yaml").read_text(encoding="utf-8"))
    return [rule for group in found["groups"] for rule in group["rules"]]


def test_every_rule_is_in_the_docs_with_what_to_do() -> None:
    section = OPERATIONS.split("## Alerts")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [rule["alert"] for rule in rules()]
    assert all(rule["annotations"]["runbook"] == f"docs/operations.md, Alerts, {rule['alert']}" for rule in rules())


def test_metrics_of_ours_are_those_of_the_docs() -> None:
    section = OPERATIONS.split("## Metrics")[1].split("\n## ")[0]
    documented = {name.replace(".", "_") for name in re.findall(r"^\| `([\w.]+)` \|", section, re.MULTILINE)}
    asked = re.findall(r"operator_segments_(\w+)", " ".join(rule["expr"] for rule in rules()))
    assert asked
    assert set(asked) <= documented
