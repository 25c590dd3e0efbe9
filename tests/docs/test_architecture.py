"""The page on the architecture says what the code is: steps, arrows, paths, names and rooms."""

import ast
import re
from pathlib import Path

import pytest

from tests.transforms.permanent_names import live_graph

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
LAYERS = ("pipeline", "transforms", "segmentation", "schemas", "onboarding", "deploy")
NAMED = re.findall(r"`([a-z_]+/[\w/]+\.py)`:\s((?:`\w+`(?:, (?=`\w+`(?!:)))?)+)", PAGE)


def _arrows_of_the_graph() -> set[tuple[str, str]]:
    parts = live_graph(audit="kafka://127.0.0.1:9092/audit").components.transforms.values()
    steps = [part for part in parts if "/" not in part.unique_name and not part.unique_name.startswith("ref_")]
    made_by = {collection: part.unique_name for part in steps for collection in part.outputs.values()}
    return {(made_by[each], part.unique_name) for part in steps for each in part.inputs.values()}


def test_picture_has_the_arrows_of_the_graph() -> None:
    picture = PAGE.split("```mermaid")[1].split("```")[0]
    assert set(re.findall(r"(\w+) --> (\w+)", picture)) == _arrows_of_the_graph()


@pytest.mark.parametrize(("path", "names"), NAMED)
def test_names_are_defined_where_the_page_says(path: str, names: str) -> None:
    defined = set()
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                defined.add(name)
            case ast.Assign(targets=[ast.Name(id=name)]):
                defined.add(name)
    assert set(re.findall(r"`(\w+)`", names)) <= defined


def test_every_step_of_the_way_is_named() -> None:
    assert len(NAMED) > 20


def test_every_room_is_in_the_table_and_has_a_sign() -> None:
    rooms = {
        init.parent.relative_to(ROOT).as_posix() + "/"
        for layer in LAYERS
        for init in (ROOT / layer).rglob("__init__.py")
    }
    section = PAGE.split("## Rooms")[1]
    assert set(re.findall(r"^\| `([a-z_/]+/)` \|", section, re.MULTILINE)) == rooms
    unsigned = [room for room in rooms if not ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text()))]
    assert not unsigned
