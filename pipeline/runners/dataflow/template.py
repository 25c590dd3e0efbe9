"""The metadata of the Flex Template, made from the options of `segments run` so that it can't be out of date.

``python -m pipeline.runners.dataflow.template`` prints it; deploy/dataflow/metadata.json is what it printed last.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any, Final

#: Options of `segments run` that have no place in a template, each with the reason.
LEFT_OUT: Final[Mapping[str, str]] = {
    "profiles": "a file of one machine",
    "until": "a live run has no end",
    "summary": "a file of one machine",
    "runner": "a template is for Dataflow; its launcher says so",
    "expansion_service": "for Flink",
    "from_savepoint": "for Flink",
    "detach": "for Flink",
    "dry_run": "for a command line",
    "quiet": "for a command line",
    "verbose": "for a command line",
}
#: What Dataflow can't do without, besides what any run can't.
_NEEDED: Final = ("state_key_secret", "pseudonym_key_secret")
_TOPIC: Final = r"^pubsub://[^/?]+/topics/[^/?]+$"
_SECRET: Final = r"^projects/[^/]+/(locations/[^/]+/)?secrets/[^/]+/versions/[1-9][0-9]*$"
_PATTERNS: Final[Mapping[str, str]] = {
    "rules": r"^gs://[^/]+/.+$",
    "mapping": r"^gs://[^/]+/.+$",
    "events": r"^pubsub://[^/?]+/subscriptions/[^/?]+(\?.*)?$",
    "changes": _TOPIC,
    "dead_letters": _TOPIC,
    "audit": _TOPIC,
    "emit": r"^(settled|early)$",
    "max_disorder": r"^[0-9]+(ms|s|m|h|d)$",
    "shards": r"^[1-9][0-9]{0,3}$",
    "state_key_secret": _SECRET,
    "pseudonym_key_secret": _SECRET,
}
_TYPES: Final[Mapping[str, str]] = {"rules": "GCS_READ_FILE", "mapping": "GCS_READ_FILE", "shards": "NUMBER"}
_HELP: Final[Mapping[str, str]] = {
    "rules": "The rules file (YAML), gs://BUCKET/FILE.",
    "mapping": "How the records of a foreign log read as events (YAML), gs://BUCKET/FILE.",
    "events": "The events: a subscription, pubsub://PROJECT/subscriptions/NAME.",
    "changes": "Where the changes go: a topic, pubsub://PROJECT/topics/NAME.",
    "dead_letters": "Where refused records go: a topic. Without, that of the changes with .dead-letters at its end.",
    "audit": "Where a record of every late event goes: a topic. Without, nowhere.",
}
_IMAGE: Final[Mapping[str, Any]] = {
    "name": "sdk_container_image",
    "label": "Image",
    "helpText": "The image of the workers by its digest, HOST/PROJECT/REPOSITORY/IMAGE@sha256:…; that of the template.",
    "isOptional": False,
    "regexes": ["^[^@]+@sha256:[0-9a-f]{64}$"],
    "paramType": "TEXT",
}


def metadata() -> dict[str, Any]:
    """The template's metadata in Google's form (`TemplateMetadata` of the Dataflow API)."""
    import typer

    from pipeline.main import app

    command = typer.main.get_command(app).commands["run"]  # type: ignore[attr-defined]  # a group of commands
    parameters = [_parameter(each) for each in command.params if each.name not in (*LEFT_OUT, "help")]
    return {
        "name": "Segment pipeline",
        "description": "Knows which segments every user is in, exactly, from a stream of events.",
        "streaming": True,
        # A move of the population that came twice would count twice.
        "supportsAtLeastOnce": False,
        "supportsExactlyOnce": True,
        "parameters": [*parameters, dict(_IMAGE)],
    }


def _parameter(option: Any) -> dict[str, Any]:
    name = option.name
    return {
        "name": name,
        "label": name.replace("_", " ").capitalize(),
        "helpText": _HELP.get(name, option.help),
        "isOptional": not option.required and name not in _NEEDED,
        "regexes": [_PATTERNS[name]],
        "paramType": _TYPES.get(name, "TEXT"),
    }


def text_of_metadata() -> str:
    """The same as text."""
    return json.dumps(metadata(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text_of_metadata())
