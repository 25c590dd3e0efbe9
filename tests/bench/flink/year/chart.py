"""Samples as a picture: a panel for each number, one below another, in an SVG of a few lines."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final
from xml.sax.saxutils import escape

from tests.bench.flink.year.sampling import Sample

_WIDTH, _HEIGHT, _LEFT, _GAP = 900, 90, 90, 34
#: Title, and the number of a panel, of two neighbouring samples.
_PANELS: Final[tuple[tuple[str, Callable[[Sample, Sample], float]], ...]] = (
    ("events in, per second", lambda before, now: _rate(before, now, "done")),
    ("changes out, per second", lambda before, now: _rate(before, now, "changes")),
    ("events sent and not yet behind the job, thousands", lambda _, now: (now.sent - now.done) / 1e3),
    ("worker, resident MB", lambda _, now: now.worker_memory / 1e6),
    ("TaskManager's JVM, resident MB", lambda _, now: now.jvm_memory / 1e6),
    ("JVM heap, MB", lambda _, now: now.heap / 1e6),
    ("checkpoint, MB", lambda _, now: now.checkpoint_bytes / 1e6),
    ("written by a checkpoint, MB", lambda _, now: now.checkpoint_written / 1e6),
    ("checkpoint, seconds", lambda _, now: now.checkpoint_seconds),
    ("state on disk, MB", lambda _, now: now.state_disk / 1e6),
    ("checkpoints on disk, MB", lambda _, now: now.checkpoint_disk / 1e6),
)


def _rate(before: Sample, now: Sample, name: str) -> float:
    return float(getattr(now, name) - getattr(before, name)) / max(now.at - before.at, 1e-9)


def chart(
    title: str, samples: Sequence[Sample], along: Callable[[Sample], float], unit: str, marks: Sequence[float] = ()
) -> str:
    """The SVG.

    Args:
        title: stands above it.
        samples: in the order of time.
        along: where a sample stands on the horizontal axis.
        unit: of that axis.
        marks: places on it that get a line through all panels.
    """
    pairs = [(before, now) for before, now in pairwise(samples) if along(now) >= along(before)]
    if not pairs:
        return '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>'
    low, high = along(pairs[0][0]), max(along(now) for _, now in pairs)
    scale = _WIDTH / ((high - low) or 1)
    total = len(_PANELS) * (_HEIGHT + _GAP) + 60
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH + _LEFT + 20}" height="{total}">',
        "<style>text {font: 11px sans-serif}</style>",
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{_LEFT}" y="18" font-weight="bold">{escape(title)}</text>',
    ]
    top = 40
    for name, value in _PANELS:
        parts += _panel(name, [((along(now) - low) * scale, value(before, now)) for before, now in pairs], top)
        parts += [
            f'<line x1="{_LEFT + (at - low) * scale:.1f}" x2="{_LEFT + (at - low) * scale:.1f}" y1="{top}" '
            f'y2="{top + _HEIGHT}" stroke="#c33" stroke-dasharray="3"/>'
            for at in marks
        ]
        top += _HEIGHT + _GAP
    ends = f'<text x="{_LEFT}" y="{top}">{low:,.1f}</text><text x="{_LEFT + _WIDTH}" y="{top}" text-anchor="end">'
    parts += [f"{ends}{high:,.1f} {escape(unit)}</text>", "</svg>"]
    return "\n".join(parts) + "\n"


def _panel(name: str, points: Sequence[tuple[float, float]], top: int) -> list[str]:
    most = max(value for _, value in points) or 1.0
    line = " ".join(f"{_LEFT + x:.1f},{top + _HEIGHT * (1 - max(value, 0) / most):.1f}" for x, value in points)
    return [
        f'<rect x="{_LEFT}" y="{top}" width="{_WIDTH}" height="{_HEIGHT}" fill="none" stroke="#ccc"/>',
        f'<text x="{_LEFT}" y="{top - 4}">{escape(name)}</text>',
        f'<text x="{_LEFT - 4}" y="{top + 10}" text-anchor="end">{most:,.1f}</text>',
        f'<text x="{_LEFT - 4}" y="{top + _HEIGHT}" text-anchor="end">0</text>',
        f'<polyline points="{line}" fill="none" stroke="#246" stroke-width="1"/>',
    ]
