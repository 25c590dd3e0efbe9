"""Fails unless a JUnit report holds at least one test and every one of them ran and passed.

Run: python scripts/ci/check_no_skips.py build/junit.xml
"""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def problems(report: Path) -> list[str]:
    """What keeps the report from being clean, a line each; empty when all is well."""
    cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    found = [] if cases else ["no test ran"]
    for case in cases:
        outcomes = {child.tag for child in case} & {"skipped", "failure", "error"}
        found += [f"{outcome}: {case.get('classname')}::{case.get('name')}" for outcome in sorted(outcomes)]
    return found


def main() -> int:
    """Exit code 0 for a clean report, 1 for one with problems, 2 for a wrong call."""
    if len(sys.argv) != 2:
        print("usage: check_no_skips.py JUNIT_XML", file=sys.stderr)
        return 2
    report = Path(sys.argv[1])
    if not report.is_file():
        print(f"{report}: no such report", file=sys.stderr)
        return 1
    found = problems(report)
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
