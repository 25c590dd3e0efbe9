"""The examples in docstrings run, and every public class of the domain has one."""

import ast
import doctest
import importlib
import pkgutil

import pytest

import onboarding
import pipeline
import schemas
import segmentation
import transforms
from tests.conftest import ROOT

MODULES = sorted(
    found.name
    for room in (onboarding, pipeline, schemas, segmentation, transforms)
    for found in pkgutil.walk_packages(room.__path__, f"{room.__name__}.")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module_run(name: str) -> None:
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


def _classes() -> list[tuple[str, ast.ClassDef]]:
    """The public classes of the domain, but those that are errors, vocabularies or contracts."""
    return [
        (path.relative_to(ROOT).as_posix(), node)
        for room in ("segmentation", "schemas")
        for path in sorted((ROOT / room).rglob("*.py"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and not _is_exempt(node)
    ]


def _is_exempt(node: ast.ClassDef) -> bool:
    bases = {ast.unparse(base) for base in node.bases}
    return node.name.endswith("Error") or bool(bases & {"ABC", "Protocol", "Enum", "StrEnum"})


CLASSES = _classes()


@pytest.mark.parametrize(("path", "node"), CLASSES, ids=[f"{path}:{node.name}" for path, node in CLASSES])
def test_class_has_an_example(path: str, node: ast.ClassDef) -> None:
    documented = [node, *(each for each in node.body if isinstance(each, ast.FunctionDef))]
    assert any(">>>" in (ast.get_docstring(each) or "") for each in documented)
