"""What `.ci/run` makes of pytest's JUnit report."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PASSED = '<testcase classname="a" name="passed"/>'
REPORTS = {
    "all_passed": (PASSED, 0),
    "one_skipped": (PASSED + '<testcase classname="a" name="b"><skipped type="pytest.skip"/></testcase>', 1),
    "one_expected_failure": (PASSED + '<testcase classname="a" name="b"><skipped type="pytest.xfail"/></testcase>', 1),
    "one_failed": (PASSED + '<testcase classname="a" name="b"><failure/></testcase>', 1),
    "one_error": (PASSED + '<testcase classname="a" name="b"><error/></testcase>', 1),
    "no_test": ("", 1),
}


def check(report: Path) -> int:
    script = ROOT / "scripts" / "ci" / "check_no_skips.py"
    return subprocess.run([sys.executable, script, report], capture_output=True, check=False).returncode


@pytest.mark.parametrize(("cases", "exit_code"), REPORTS.values(), ids=REPORTS.keys())
def test_report(tmp_path: Path, cases: str, exit_code: int) -> None:
    report = tmp_path / "junit.xml"
    report.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>", encoding="utf-8")
    assert check(report) == exit_code


def test_missing_report(tmp_path: Path) -> None:
    assert check(tmp_path / "junit.xml") == 1
