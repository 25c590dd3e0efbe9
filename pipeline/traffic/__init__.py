"""A simulator of onboarding traffic, seeded and realistic, and a plain log for benchmarks."""

from pipeline.traffic.options import DEFAULT_START, TrafficOptionError, TrafficOptions, parse_rate, parse_share
from pipeline.traffic.pacing import Pacer
from pipeline.traffic.simulation import Progress, TrafficSummary, generate
from pipeline.traffic.zipf import zipf_events

__all__ = [
    "DEFAULT_START",
    "Pacer",
    "Progress",
    "TrafficOptionError",
    "TrafficOptions",
    "TrafficSummary",
    "generate",
    "parse_rate",
    "parse_share",
    "zipf_events",
]
