"""What is left of an output file when its process ends too early."""

import subprocess
import sys
from pathlib import Path

#: Ends between the creation of the file and its assignment, as a signal may: nobody holds it who could abort it.
ENDING = """
import sys
from pathlib import Path
from pipeline.io.files.output import OutputFile

def interrupted():
    [part] = Path(sys.argv[1]).parent.iterdir()
    sys.exit(f"interrupted beside {part.name}")

(OutputFile(sys.argv[1], "--out"), interrupted())
"""


def test_process_that_ends_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out" / "changes.jsonl"
    done = subprocess.run([sys.executable, "-c", ENDING, out], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("interrupted beside .changes.jsonl.")
    assert list(out.parent.iterdir()) == []
