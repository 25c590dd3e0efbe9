"""Compares the settled changes of two runs: ``compare_changes.py OF_ONE.jsonl OF_ANOTHER.jsonl``; exits with 1 if they
differ. Repeats of a change_id count once; what differs between replays (``emitted_at``) is left out."""

import json
import sys
from pathlib import Path


def settled(path: str) -> dict[str, str]:
    """By change_id the rest of a settled change, as text."""
    found = {}
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        change = json.loads(line)
        change.pop("emitted_at")
        if change["stage"] in ("ON_TIME", "LATE"):
            found[change["change_id"]] = json.dumps(change, sort_keys=True)
    return found


def main() -> int:
    """Compare the two files that the command line names."""
    one, another = sys.argv[1:]
    mine, theirs = settled(one), settled(another)
    differing = sorted(key for key in mine.keys() | theirs.keys() if mine.get(key) != theirs.get(key))
    print(f"{len(mine):,} settled changes in {one}, {len(theirs):,} in {another}, {len(differing):,} differ")
    for key in differing[:5]:
        print(f"  {mine.get(key)}\n  {theirs.get(key)}")
    return 1 if differing or not mine else 0


if __name__ == "__main__":
    sys.exit(main())
