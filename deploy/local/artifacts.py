"""What Beam's job server keeps of every job: a copy of the jar, 200 MB.

It removes the copy when the job ends, but not where it died before or where the client had left by then.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

#: How long a job may take from its first staged file to its start.
STAGING_SECONDS = 1800.0


def clean_artifacts(folder: Path, starts: Sequence[float], now: float, staging: bool) -> None:
    """Removes the folders in ``folder`` that no job needs.

    Args:
        folder: Has a folder for every job; may be missing.
        starts: When the jobs that are not over were started, in seconds since the epoch; as is ``now``.
        now: The present.
        staging: Whether a job may be on its way, with files here and not started yet.
    """
    for staged in folder.glob("*"):
        at = staged.stat().st_mtime
        awaited = staging and now - at < STAGING_SECONDS
        if not awaited and not any(0 <= start - at < STAGING_SECONDS for start in starts):
            shutil.rmtree(staged, ignore_errors=True)
