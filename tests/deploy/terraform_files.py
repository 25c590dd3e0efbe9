"""deploy/terraform as python-hcl2 reads it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import hcl2

FOLDER: Final = Path(__file__).resolve().parents[2] / "deploy" / "terraform"
FILES: Final = sorted(FOLDER.glob("*.tf"))


class Block(NamedTuple):
    """A resource or a data source."""

    kind: str
    name: str
    body: dict[str, Any]


def parsed(path: Path) -> dict[str, Any]:
    """One file."""
    with path.open(encoding="utf-8") as file:
        found: dict[str, Any] = hcl2.load(file)
    return found


def blocks(section: str = "resource") -> Iterator[Block]:
    """All resources, or data sources."""
    for path in FILES:
        for each in parsed(path).get(section, []):
            for kind, named in each.items():
                for name, body in named.items():
                    yield Block(_plain(kind), _plain(name), body)


def kinds_in_use() -> set[str]:
    """The kinds of resources and data sources."""
    return {block.kind for section in ("resource", "data") for block in blocks(section)}


def names(section: str) -> set[str]:
    """Of all variables, outputs, or locals."""
    found: set[str] = set()
    for path in FILES:
        for each in parsed(path).get(section, []):
            found |= {_plain(name) for name in each if not name.startswith("__")}
    return found


def _plain(text: str) -> str:
    return text.strip('"')
