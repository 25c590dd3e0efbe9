"""The rules file: what a good one means, and every error of a broken one with its place."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml.nodes import ScalarNode

from segmentation.documents.yaml import compose, line_and_column, place_within
from segmentation.expressions import segments_read
from segmentation.features.attributes import Attribute
from segmentation.features.distinct_days import DistinctDays
from segmentation.features.journey_steps import JourneyStep
from segmentation.features.journeys import Journey
from segmentation.features.recency import Recency
from segmentation.features.rolling import RollingCount, RollingScore
from segmentation.rules.file import RulesError, load_rules, parse_rules
from segmentation.rules.model import Rules
from segmentation.units import DAY, HOUR, MINUTE

BROKEN = sorted((Path(__file__).parent / "broken_rules").glob("*.yaml"))
EXAMPLE = Path(__file__).parents[2] / "examples" / "rules.yaml"

MINIMAL = """
version: 1
features:
  engagement: {kind: rolling_score, window: 7d, every: 1h, weights: {page_view: 1}}
segments:
  active: {when: engagement > 0}
"""


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_every_error_of_a_broken_file_is_found_with_its_place(path: Path) -> None:
    """A broken file states at its end, in comments, the place and the beginning of each message."""
    expected = re.findall(r"^# expect (\d+:\d+: .+)$", path.read_text(), re.MULTILINE)
    with pytest.raises(RulesError) as error:
        load_rules(path)
    found = [str(problem) for problem in error.value.problems]
    assert [line[: len(f"{path}:{start}")] for line, start in zip(found, expected, strict=False)] == [
        f"{path}:{start}" for start in expected
    ]
    assert len(found) == len(expected)


def test_at_least_25_files_are_broken_and_none_without_an_error() -> None:
    assert len(BROKEN) >= 25
    assert all("# expect " in path.read_text() for path in BROKEN)


def test_the_example_is_valid() -> None:
    rules = load_rules(EXAMPLE)
    assert rules.tick == HOUR
    assert rules.features["engagement"] == RollingScore(
        "engagement", 7 * DAY, HOUR, {"page_view": 1, "feature_click": 3, "invite_sent": 5}
    )
    assert rules.segments["power_user"].min_dwell == 6 * HOUR
    assert rules.order.index(("power_user",)) < rules.order.index(("paid_and_engaged",))
    assert ("fast_onboarder", "late_onboarder", "overdue") in rules.order


def test_nothing_is_forgotten_unless_asked_for() -> None:
    assert parse_rules(MINIMAL, "rules.yaml").forget_after is None


def test_forget_after_is_read_and_part_of_the_fingerprint() -> None:
    rules = parse_rules(MINIMAL + "forget_after: 30d", "rules.yaml")
    assert rules.forget_after == 30 * DAY
    others = (MINIMAL, MINIMAL + "forget_after: 31d")
    assert rules.fingerprint not in {parse_rules(text, "rules.yaml").fingerprint for text in others}


def test_all_kinds_are_read() -> None:
    rules = parse_rules(
        """
version: 3
tick: 15m
population: {minimum: 5}
features:
  score: {kind: rolling_score, window: 7d, every: 1h, weights: {a: 0}, default_weight: 2}
  count: {kind: rolling_count, window: 1d, every: 30m, events: [a, b]}
  total: {kind: rolling_count, window: 1d, every: 30m}
  trip: {kind: journey, start: a, complete: {any_of: [b, {event: c, at_least: 2, distinct: d}]}}
  plan: {kind: attribute, property: plan, keep: max, events: a}
  seen: {kind: recency, event: a}
  days: {kind: distinct_days, window: 3d}
segments:
  x: {when: count > 1, until: count < 1, min_dwell: 0s, group: g, priority: 0, flag: show-x}
  y: {when: TRUE, group: g, priority: 3}
""",
        "rules.yaml",
    )
    assert (rules.version, rules.tick, rules.population_minimum) == (3, 15 * MINUTE, 5)
    assert list(rules.features.values()) == [
        RollingScore("score", 7 * DAY, HOUR, {"a": 0}, 2),
        RollingCount("count", DAY, 30 * MINUTE, ("a", "b")),
        RollingCount("total", DAY, 30 * MINUTE, ()),
        Journey("trip", "a", (JourneyStep("b"), JourneyStep("c", 2, "d")), "any_of", None),
        Attribute("plan", "plan", "max", None, ("a",)),
        Recency("seen", ("a",)),
        DistinctDays("days", 3 * DAY, ()),
    ]
    x = rules.segments["x"]
    assert x.until is not None
    assert (x.when.text, x.until.text, x.min_dwell, x.group, x.priority, x.flag) == (
        "count > 1",
        "count < 1",
        0,
        "g",
        0,
        "show-x",
    )
    assert rules.order == (("y", "x"),)


def test_defaults_of_tick_and_minimum() -> None:
    rules = parse_rules(MINIMAL, "rules.yaml")
    assert (rules.tick, rules.population_minimum) == (HOUR, 20)


def test_the_tick_is_the_smallest_every() -> None:
    text = MINIMAL.replace("segments:", "  clicks: {kind: rolling_count, window: 1h, every: 20m}\nsegments:")
    assert parse_rules(text, "rules.yaml").tick == 20 * MINUTE


def test_the_tick_without_a_rolling_feature_is_five_minutes() -> None:
    text = "version: 1\nfeatures: {seen: {kind: recency}}\nsegments: {a: {when: hours_since(seen) < 1}}"
    assert parse_rules(text, "rules.yaml").tick == 5 * MINUTE


def _segments(**conditions: str) -> Rules:
    lines = "".join(f"  {name}: {{{condition}}}\n" for name, condition in conditions.items())
    return parse_rules(MINIMAL + lines, "rules.yaml")


def test_a_segment_comes_after_those_it_refers_to() -> None:
    rules = _segments(z="when: in_segment('y')", y="when: in_segment('active'), until: in_segment('x')", x="when: TRUE")
    assert rules.order == (("active",), ("x",), ("y",), ("z",))
    assert segments_read(rules.segments["z"].when) == {"y"}


def test_a_group_comes_after_what_any_member_refers_to() -> None:
    rules = _segments(
        low="when: TRUE, group: g, priority: 1",
        high="when: in_segment('other'), group: g, priority: 2",
        user="when: in_segment('low')",
        other="when: TRUE",
    )
    assert rules.order == (("active",), ("other",), ("high", "low"), ("user",))


def test_the_fingerprint_ignores_layout_and_spelling_of_conditions() -> None:
    other = MINIMAL.replace("engagement > 0", '"( engagement>0 )"').replace("version: 1", "# a comment\nversion: 1")
    assert parse_rules(other, "other.yaml").fingerprint == parse_rules(MINIMAL, "rules.yaml").fingerprint


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("version: 1", "version: 2"),
        ("engagement > 0", "engagement > 1"),
        ("7d", "8d"),
        ("page_view: 1", "page_view: 2"),
    ],
)
def test_the_fingerprint_sees_a_change(old: str, new: str) -> None:
    changed = parse_rules(MINIMAL.replace(old, new), "rules.yaml")
    assert changed.fingerprint != parse_rules(MINIMAL, "rules.yaml").fingerprint


def test_a_missing_file_is_a_problem_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(RulesError) as error:
        load_rules(tmp_path / "none.yaml")
    assert str(error.value).startswith(f"{tmp_path / 'none.yaml'}:1:1: cannot be read: ")


def test_a_file_that_is_not_utf8_is_a_problem_at_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "latin1.yaml"
    path.write_bytes("version: 1\n# für".encode("latin-1"))
    with pytest.raises(RulesError) as error:
        load_rules(path)
    assert str(error.value).startswith(f"{path}:2:4: not UTF-8: ")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "1:1: the file is empty"),
        ("version: 1\nx: \x01", "2:4: not valid YAML: the character U+0001"),
        ("a: " + "[" * 1500, "1:1: not valid YAML: nested too deeply"),
        ("a: *b", "1:4: not valid YAML: found undefined alias"),
    ],
    ids=["empty", "control_character", "deep", "alias"],
)
def test_a_text_that_yaml_cannot_read(text: str, place: str) -> None:
    with pytest.raises(RulesError) as error:
        parse_rules(text, "f")
    assert len(error.value.problems) == 1
    assert str(error.value).startswith(f"f:{place}")


def test_a_byte_order_mark_and_windows_line_ends_are_read() -> None:
    text = "\ufeff" + MINIMAL.strip().replace("\n", "\r\n").replace("engagement > 0", "engagement > x")
    with pytest.raises(RulesError) as error:
        parse_rules(text, "f")
    assert [str(problem) for problem in error.value.problems] == ["f:5:31: unknown feature 'x'"]


def test_an_alias_shares_a_condition() -> None:
    text = MINIMAL.replace("{when: engagement > 0}", "{when: &once engagement > 0}\n  other: {when: *once}")
    rules = parse_rules(text, "f")
    assert rules.segments["active"].when == rules.segments["other"].when


def test_an_alias_to_itself_ends() -> None:
    with pytest.raises(RulesError):
        parse_rules("version: 1\nfeatures: &f {a: *f}\nsegments: &s {b: {when: *s}}", "f")


_WORDS = st.lists(st.sampled_from(["a", "'", '"', "\\", "é", "💥", "#x", "b:c", "%"]), min_size=1, max_size=6)


@given(_WORDS, st.sampled_from(["single", "double", "escaped", "folded", "literal", "lines"]))
def test_the_place_of_a_character_in_a_scalar_of_any_style(words: list[str], style: str) -> None:
    value = " ".join([*words, "X"])
    folded = "\n    ".join([*words, "X"])
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    written = {
        "single": "'" + value.replace("'", "''") + "'",
        "double": f'"{quoted}"',
        "escaped": '"' + quoted.replace("é", "\\u00e9").replace("💥", "\\U0001F4A5").replace(" ", "\\x20") + '"',
        "folded": f">-  # header\n    {folded}",
        "literal": f"|2-\n    {folded}",
        "lines": '"' + quoted.replace(" ", " \\\n    ") + '"',
    }[style]
    text = f"k: {written}\n"
    root = compose(text, "f")
    assert root is not None
    node = root.value[0][1]
    assert isinstance(node, ScalarNode)
    assert node.value.split() == value.split()
    assert place_within(text, node, node.value.index("X")) == line_and_column(text, text.index("X"))
