"""Builds the wheels, and installs them into environments of their own that have what they require and nothing else."""

import json
import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterable, Iterator
from email.parser import HeaderParser
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from tests.conftest import ROOT

PROJECTS = {"segment-schemas": "schemas", "segment-onboarding": "onboarding", "segment-pipeline": "."}


def build(folder: Path) -> dict[str, Path]:
    """The wheels in ``folder``, by the names of their distributions."""
    made = {}
    for name, project in PROJECTS.items():
        command = [Path(sys.executable).with_name("hatchling"), "build", "--target", "wheel", "--directory", folder]
        subprocess.run(command, cwd=ROOT / project, check=True, capture_output=True, timeout=60)
        [made[name]] = folder.glob(f"{name.replace('-', '_')}-*.whl")
    return made


def requirements(wheel: Path) -> list[Requirement]:
    """What the wheel says that it needs."""
    with zipfile.ZipFile(wheel) as archive:
        [metadata] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        headers = HeaderParser().parsestr(archive.read(metadata).decode())
    return [Requirement(text) for text in headers.get_all("Requires-Dist", [])]


class Environment:
    """A virtual environment with some wheels, and with what they require as links to this environment's files."""

    def __init__(self, folder: Path, wheels: Iterable[Path]) -> None:
        """Makes it in ``folder``."""
        venv.create(folder, with_pip=False, symlinks=True)
        self._python = folder / "bin" / "python"
        [site] = folder.glob("lib/python*/site-packages")
        needed = []
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(site)
            needed += requirements(wheel)
        for each in _closure(needed):
            _link(each, site)

    def run(self, program: str, *arguments: object, folder: Path) -> str:
        """What a program given as text prints; it runs in ``folder``."""
        command = [self._python, "-I", "-c", program, *map(str, arguments)]
        variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        done = subprocess.run(
            command, cwd=folder, env=variables, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def result(self, program: str, *arguments: object, folder: Path) -> Any:
        """The JSON that a program prints."""
        return json.loads(self.run(program, *arguments, folder=folder))


def _closure(needed: list[Requirement]) -> Iterator[Distribution]:
    """The distributions of this environment that the requirements lead to, but not those of the project itself."""
    seen: set[tuple[str, str]] = set()
    given = set()
    while needed:
        requirement = needed.pop()
        for extra in ("", *requirement.extras):
            if requirement.name in PROJECTS or (requirement.name, extra) in seen:
                continue
            seen.add((requirement.name, extra))
            found = distribution(requirement.name)
            parsed = [Requirement(text) for text in found.requires or ()]
            needed += [each for each in parsed if each.marker is None or each.marker.evaluate({"extra": extra})]
            if requirement.name not in given:
                given.add(requirement.name)
                yield found


def _link(found: Distribution, site: Path) -> None:
    """Links a distribution's files into ``site``, with their bytecode where there is some."""
    for file in found.files or ():
        if file.parts[0] == "..":
            continue
        source, target = Path(str(file.locate())), site / file
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(source)
        compiled = source.parent / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc"
        if compiled.exists() and source.suffix == ".py":
            beside = target.parent / "__pycache__" / compiled.name
            beside.parent.mkdir(exist_ok=True)
            beside.symlink_to(compiled)
