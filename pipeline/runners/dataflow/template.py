"""The metadata of the Flex Template, made from the options of `segments run` so that it can't be out of date.

``python -m pipeline.runners.dataflow.template`` prints it; deploy/dataflow/metadata.json is what it printed last.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any, Final

from pipeline.options.declaring import DeclaredOption, InTemplate, declared_options
from pipeline.options.run_arguments import RunArguments

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
    parameters = [
        _parameter(option, option.template)
        for option in declared_options(RunArguments)
        if isinstance(option.template, InTemplate)
    ]
    return {
        "name": "Segment pipeline",
        "description": "Knows which segments every user is in, exactly, from a stream of events.",
        "streaming": True,
        # A move of the population that came twice would count twice.
        "supportsAtLeastOnce": False,
        "supportsExactlyOnce": True,
        "parameters": [*parameters, dict(_IMAGE)],
    }


def _parameter(option: DeclaredOption, place: InTemplate) -> dict[str, Any]:
    return {
        "name": option.name,
        "label": option.name.replace("_", " ").capitalize(),
        "helpText": place.help or option.help,
        "isOptional": not (option.required or place.needed),
        "regexes": [place.pattern],
        "paramType": place.kind,
    }


def text_of_metadata() -> str:
    """The same as text."""
    return json.dumps(metadata(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text_of_metadata())
