"""Gives the packages of a wheel names that are no other distribution's: a build hook of hatchling.

In the repository a package has the name of its folder. Installed beside other people's packages, a top level of
`deploy` or `transforms` would be in the way, so a wheel has the packages under the names of `NAMES`, with their imports
and entry points rewritten. An editable install keeps the names of the folders.
"""

import ast
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT: Final = Path(__file__).resolve().parents[1]

#: Folder at the root of the repository → name of the package in a wheel.
NAMES: Final = {
    "schemas": "segment_schemas",
    "onboarding": "segment_onboarding",
    "pipeline": "segment_pipeline.pipeline",
    "transforms": "segment_pipeline.transforms",
    "segmentation": "segment_pipeline.segmentation",
    "deploy": "segment_pipeline.deploy",
}
#: What lies in the folders and is not part of a wheel: what tools left there, and the project file of a member.
LEFT_OUT: Final = shutil.ignore_patterns("__pycache__", "*.py[cod]", ".*", "target", "pyproject.toml")

_MODULE: Final = re.compile(rf"(?:{'|'.join(NAMES)})(?:\.\w+)*")
_IMPORT: Final = re.compile(rf"(from|import)(\s+)({_MODULE.pattern})\b")
#: A module, or what is in one, as a word of a text; words with a slash or a hyphen are something else.
_WORD: Final = re.compile(rf"(?<![\w./-])(?:{'|'.join(NAMES)})(?:\.\w+)+(?![\w/-])")


class RelocateError(Exception):
    """A module can't be rewritten as it is."""


def relocated(name: str) -> str:
    """The name in a wheel of the module or package ``name`` of this repository."""
    top, dot, rest = name.partition(".")
    return NAMES[top] + dot + rest


def rewrite(source: str, place: str) -> str:
    """The text of a module with its imports of this repository's packages under their names in a wheel.

    Raises:
        RelocateError: it names a module in a way that can't be rewritten: ``import a.b`` without ``as``, or as a text.
    """
    tree = ast.parse(source)
    lines = [line + b"\n" for line in source.encode().split(b"\n")]
    documented = {id(_docstring(node)) for node in ast.walk(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
            named = [word for word in _WORD.findall(node.value) if _is_module(word)]
            if named:
                raise RelocateError(f"{place}:{node.lineno}: a text names {named[0]}: import the module")
        if isinstance(node, ast.Import) and any(_MODULE.fullmatch(each.name) for each in node.names):
            if len(node.names) > 1 or node.names[0].asname is None:
                raise RelocateError(f"{place}:{node.lineno}: write `from … import …`, or `import … as …`")
        elif not (isinstance(node, ast.ImportFrom) and _MODULE.fullmatch(node.module or "")):
            continue
        # The parser counts columns in bytes.
        line = lines[node.lineno - 1]
        found = _IMPORT.match(line[node.col_offset :].decode())
        if found is None:
            raise RelocateError(f"{place}:{node.lineno}: this import stands on more than one line")
        after = node.col_offset + len(found[0].encode())
        lines[node.lineno - 1] = (
            line[: node.col_offset] + f"{found[1]}{found[2]}{relocated(found[3])}".encode() + line[after:]
        )
    return b"".join(lines)[:-1].decode()


def _docstring(node: ast.AST) -> ast.Constant | None:
    """The text that documents a module, a class or a function, which may name modules."""
    body = getattr(node, "body", None)
    first = body[0] if isinstance(body, list) and body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and not isinstance(node, ast.If):
        return first.value
    return None


def _is_module(word: str) -> bool:
    """Whether a word is a module of this repository, or something in one."""
    path = ROOT.joinpath(*word.split(".")[:2])
    return path.is_dir() or path.with_suffix(".py").is_file()


def stage(packages: list[str], folder: Path) -> list[str]:
    """Copies the packages into ``folder`` as a wheel has them; returns the names at the top level."""
    for package in packages:
        target = folder.joinpath(*NAMES[package].split("."))
        shutil.copytree(ROOT / package, target, ignore=LEFT_OUT)
        for file in target.rglob("*.py"):
            place = str(package / file.relative_to(target))
            file.write_text(rewrite(file.read_text(encoding="utf-8"), place), encoding="utf-8")
    tops = sorted(each.name for each in folder.iterdir())
    for top in tops:
        sign = folder / top / "__init__.py"
        if not sign.exists():
            sign.write_text(f'"""The packages of the distribution {top.replace("_", "-")}."""\n', encoding="utf-8")
    return tops


class RelocateBuildHook(BuildHookInterface[Any]):
    """Puts the packages that the option ``packages`` names into the wheel; hatchling selects no file by itself."""

    _staging: tempfile.TemporaryDirectory[str] | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it builds a wheel; ``version`` is ``standard`` or ``editable``."""
        if version != "standard":
            return
        self._staging = tempfile.TemporaryDirectory(prefix="relocate-")
        folder = Path(self._staging.name)
        for top in stage(self.config["packages"], folder):
            build_data["force_include"][str(folder / top)] = top
        scripts = self.metadata.core.scripts
        scripts.update({name: relocated(target) for name, target in scripts.items()})

    def finalize(self, *_: object) -> None:
        """Called by hatchling when the wheel is written."""
        if self._staging is not None:
            self._staging.cleanup()
