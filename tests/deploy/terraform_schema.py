"""What Terraform's Google providers take, for the kinds of resources that deploy/terraform uses.

`python -m tests.deploy.terraform_schema FOLDER` renews terraform_schema.json from type declarations that HashiCorp
publishes on npm, made from the providers themselves: the packages @cdktf/provider-google and -google-beta, unpacked
into FOLDER. The providers proper are not to be had from the registries that this project uses.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any, Final

COMMITTED: Final = Path(__file__).with_name("terraform_schema.json")
_INTERFACE: Final = re.compile(r"export interface (\w+)[^{]*\{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_FIELD: Final = re.compile(
    r"docs/(?:resources|data-sources)/\w+#(\w+) (?:(?!\*/).)*?\*/\s+readonly (\w+)(\??): ([^;{]+|\{)", re.DOTALL
)
_KIND: Final = re.compile(r'static readonly tfResourceType = "(\w+)"')
_VERSION: Final = re.compile(r"hashicorp/google[\w-]*/([\d.]+)/docs")


def read(folder: Path, kinds: set[str]) -> dict[str, Any]:
    """By kind its fields: whether each is needed, and what is in it where it is a block."""
    found: dict[str, Any] = {}
    for file in sorted(folder.rglob("index.d.ts")):
        text = file.read_text(encoding="utf-8")
        [kind] = _KIND.findall(text)[:1] or [""]
        if kind not in kinds:
            continue
        bodies = dict(_INTERFACE.findall(text))
        [whole] = re.findall(r"export interface (\w+) extends cdktf.TerraformMetaArguments", text)
        found[kind] = {"version": _VERSION.findall(text)[0], "fields": _fields(bodies[whole], bodies)}
    return found


def _fields(body: str, bodies: dict[str, str]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, _, optional, kind in _FIELD.findall(body):
        block = re.match(r"\w+", kind.strip())
        fields[name] = {"needed": not optional}
        if block and block[0] in bodies:
            fields[name]["block"] = _fields(bodies[block[0]], bodies)
    return fields


if __name__ == "__main__":
    from tests.deploy.terraform_files import kinds_in_use

    COMMITTED.write_text(json.dumps(read(Path(sys.argv[1]), kinds_in_use()), indent=1, sort_keys=True) + "\n")
