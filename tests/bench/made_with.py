"""What it costs a shard's state to name what it was made with: `.venv/bin/python -m tests.bench.made_with [RULES]`."""

import json
import sys
import timeit
from pathlib import Path

from segmentation.rules.file import load_rules
from transforms.keys.sources import KeySource
from transforms.state.facts import StateFacts
from transforms.state.timing import Timing

EXAMPLE = Path(__file__).parents[2] / "examples" / "rules.yaml"
ROUNDS = 5_000


def main(rules: Path) -> None:
    """Bytes, and µs of a bundle: a head is read, compared and written again."""
    facts = StateFacts(load_rules(rules), Timing(bounded=False, max_disorder=10_000_000), 4, KeySource(demo=True))
    made_with = facts.made_with(seeded=False)
    head = {**made_with.begin(0, layout=4), "token": "0" * 64, "log": 1, "snapshot": 1, "runs": 1}
    plain = {**head, "made_with": ""}
    facts_text = json.dumps(dict(made_with.facts), ensure_ascii=False)

    def bundle(fields: dict[str, object], *, check: bool) -> float:
        text = json.dumps(fields)
        resume = (
            (lambda: json.dumps(made_with.resume(text, layout=4))) if check else lambda: json.dumps(json.loads(text))
        )
        return min(timeit.repeat(resume, number=ROUNDS, repeat=5)) / ROUNDS * 1e6

    print(f"facts {len(facts_text)} bytes, in the head {len(json.dumps(head)) - len(json.dumps(plain))} bytes")
    print(f"head read and written: {bundle(plain, check=False):.1f} µs without, {bundle(head, check=True):.1f} µs with")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else EXAMPLE)
