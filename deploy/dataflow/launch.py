"""What the launcher of a Flex Template starts: `segments run` with the template's parameters.

Parameters are the options of `segments run`, with underscores. The launcher adds Beam's own
(``--runner=DataflowRunner``, ``--template_location=…``), which stay as they are.
"""

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

_METADATA = json.loads(Path(__file__).with_name("metadata.json").read_text(encoding="utf-8"))
#: The template's parameters that are Beam's options, which have underscores on a command line too.
_BEAM = ("sdk_container_image",)
#: Options of `segments run` that the template offers and that are written differently there.
OWN = [each["name"] for each in _METADATA["parameters"] if "_" in each["name"] and each["name"] not in _BEAM]


def command_line(arguments: Iterable[str]) -> list[str]:
    """The arguments of ``segments`` that the launcher's mean. Empty parameters count as not given."""
    found = ["run"]
    for argument in arguments:
        option, equals, value = argument.partition("=")
        if equals and not value:
            continue
        name = option.removeprefix("--")
        found.append(f"--{name.replace('_', '-')}{equals}{value}" if name in OWN else argument)
    return found


if __name__ == "__main__":
    program = str(Path(sys.executable).with_name("segments"))
    os.execv(program, [program, *command_line(sys.argv[1:])])
