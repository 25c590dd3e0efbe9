"""How the modules of a wheel are rewritten."""

import runpy

import pytest

from tests.conftest import ROOT

SCRIPT = runpy.run_path(str(ROOT / "scripts" / "relocate.py"))
rewrite, RelocateError = SCRIPT["rewrite"], SCRIPT["RelocateError"]

REWRITTEN = {
    "from_module": ("from schemas.codec import x\n", "from segment_schemas.codec import x\n"),
    "from_package": ("from pipeline import graph\n", "from segment_pipeline.pipeline import graph\n"),
    "under_another_name": ("import deploy.local as d\n", "import segment_pipeline.deploy.local as d\n"),
    "inside_a_function": (
        "def f():\n    é = 1; from transforms.a import (\n        b,\n    )\n",
        "def f():\n    é = 1; from segment_pipeline.transforms.a import (\n        b,\n    )\n",
    ),
    "longer_name": ("from pipelines import a\nimport deployed\n", "from pipelines import a\nimport deployed\n"),
    "in_a_comment": ("# from pipeline import a\n", "# from pipeline import a\n"),
    "in_a_text": ('X = """\nfrom pipeline import a\n"""\n', 'X = """\nfrom pipeline import a\n"""\n'),
    "a_text_beside_it": (
        "s = 'from pipeline import a'; from pipeline import b\n",
        "s = 'from pipeline import a'; from segment_pipeline.pipeline import b\n",
    ),
    "form_feed_in_a_text": (
        "s = '\f'; from pipeline import b\n",
        "s = '\f'; from segment_pipeline.pipeline import b\n",
    ),
    "named_in_a_docstring": ('"""See `pipeline.graph`."""\n', '"""See `pipeline.graph`."""\n'),
    "text_that_is_no_module": ('X = "pipeline.max-parallelism"\n', 'X = "pipeline.max-parallelism"\n'),
}
REFUSED = {
    "binds_the_top_level": "import pipeline.graph\n",
    "several_at_once": "import pipeline.graph as a, os\n",
    "module_in_a_text": 'X = "pipeline.graph"\n',
    "what_is_in_a_module": 'X = "pipeline.graph:build"\n',
    "module_in_a_command": 'X = "python -m deploy.local up"\n',
    "on_two_lines": "from \\\n    pipeline.graph import a\n",
}


@pytest.mark.parametrize(("source", "expected"), REWRITTEN.values(), ids=REWRITTEN.keys())
def test_rewritten(source: str, expected: str) -> None:
    assert rewrite(source, "a.py") == expected


@pytest.mark.parametrize("source", REFUSED.values(), ids=REFUSED.keys())
def test_refused(source: str) -> None:
    with pytest.raises(RelocateError, match=r"^a\.py:1: "):
        rewrite(source, "a.py")
