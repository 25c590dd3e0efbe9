"""What a change rests on: which comparisons, the measured value as people write it, and the rival in a group."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
import pytest

from segmentation.expressions import Values
from segmentation.membership.conditions import Conditions
from segmentation.membership.evidence import Evidence
from segmentation.rules.file import parse_rules
from segmentation.units import DAY, HOUR, MINUTE, SECOND

FEATURES = """
version: 1
tick: 1h
features:
  clicks: {kind: rolling_count, window: 3h, every: 1h}
  channel: {kind: attribute, property: channel, keep: last}
  price: {kind: attribute, property: price, keep: max}
  seen: {kind: recency}
  trial: {kind: journey, start: signup, complete: {all_of: [done]}, deadline: 3h}
segments:
"""

NAN = float("nan")
NOON = 12 * HOUR


def texts(
    segments: str, *changes: tuple[str, str, Mapping[str, object], set[str]], columns: set[str] | None = None
) -> list[list[dict[str, object]]]:
    """The evidence of each change: (segment, action, by column the value at that moment, memberships after it)."""
    conditions = Conditions(parse_rules(FEATURES + segments, "rules.yaml"))
    asked: set[str] = set()

    def frame(keys: np.ndarray, wanted: frozenset[str]) -> dict[str, Values]:
        asked.update(wanted)
        rows = [changes[key][2] for key in keys.tolist()]
        return {name: column([row[name] for row in rows]) for name in wanted}

    series = Evidence(conditions).texts(
        np.arange(len(changes)),
        np.array([conditions.positions[segment] for segment, *_ in changes]),
        np.array([action == "ENTERED" for _, action, *_ in changes]),
        np.array([[name in after for name in conditions.positions] for *_, after in changes]),
        frame,
    )
    if columns is not None:
        assert asked == columns
    return [json.loads(text) for text in series.to_list()]


def column(values: list[object]) -> Values:
    """A column of the feature table; None is NULL."""
    known = np.array([value is not None for value in values])
    if any(isinstance(value, str) for value in values):
        words = [str(value) for value in values]
        return Values(np.where(known, np.arange(len(words)), -1), known, words)
    return Values(np.array([0 if value is None else value for value in values]), known)


def evidence(feature: str, operator: str, value: object, threshold: str | None) -> dict[str, object]:
    return {"feature": feature, "operator": operator, "value": value, "threshold": threshold}


POWER = "  power: {when: percentile(clicks) >= 80, until: clicks < 7}\n"


def test_entering_rests_on_when() -> None:
    change = ("power", "ENTERED", {"percentile(clicks)": 80.0, "clicks": 9}, {"power"})
    expected = [[evidence("percentile(clicks)", ">=", 80.0, "80")]]
    assert texts(POWER, change, columns={"percentile(clicks)"}) == expected


def test_leaving_rests_on_until() -> None:
    change = ("power", "EXITED", {"percentile(clicks)": 80.0, "clicks": 6}, set())
    assert texts(POWER, change, columns={"clicks"}) == [[evidence("clicks", "<", 6, "7")]]


def test_leaving_rests_on_when_without_until() -> None:
    change = ("busy", "EXITED", {"clicks": 6}, set())
    assert texts("  busy: {when: clicks >= 7}", change) == [[evidence("clicks", ">=", 6, "7")]]


def test_changes_of_several_segments_keep_their_places() -> None:
    changes = [
        ("power", "ENTERED", {"percentile(clicks)": 90.0}, {"power"}),
        ("busy", "ENTERED", {"clicks": 3}, {"busy"}),
        ("power", "EXITED", {"clicks": 5}, set()),
        ("power", "ENTERED", {"percentile(clicks)": 85.0}, {"power"}),
    ]
    assert texts(POWER + "  busy: {when: clicks > 2}", *changes) == [
        [evidence("percentile(clicks)", ">=", 90.0, "80")],
        [evidence("clicks", ">", 3, "2")],
        [evidence("clicks", "<", 5, "7")],
        [evidence("percentile(clicks)", ">=", 85.0, "80")],
    ]


@pytest.mark.parametrize(
    ("when", "row", "expected"),
    [
        pytest.param(
            "clicks > 2 OR NOT clicks = 9",
            {"clicks": 3},
            [evidence("clicks", ">", 3, "2"), evidence("clicks", "=", 3, "9")],
            id="every_comparison_whatever_joins_them",
        ),
        pytest.param("2 < clicks", {"clicks": 3}, [evidence("clicks", ">", 3, "2")], id="number_on_the_left"),
        pytest.param(
            "clicks > 2 AND (clicks > 2 OR clicks > 5)",
            {"clicks": 3},
            [evidence("clicks", ">", 3, "2"), evidence("clicks", ">", 3, "5")],
            id="same_comparison_once",
        ),
        pytest.param(
            "percentile(clicks) > clicks",
            {"percentile(clicks)": 50.0, "clicks": 3},
            [evidence("percentile(clicks)", ">", 50.0, "clicks"), evidence("clicks", "<", 3, "percentile(clicks)")],
            id="two_features_with_each_other",
        ),
        pytest.param(
            "channel IN ('paid', 'social')",
            {"channel": "social"},
            [evidence("channel", "IN", "social", '["paid", "social"]')],
            id="list",
        ),
        pytest.param(
            "percentile(clicks) IS NULL",
            {"percentile(clicks)": None},
            [evidence("percentile(clicks)", "IS NULL", None, None)],
            id="null_test",
        ),
        pytest.param(
            "hours_since(seen) > 2",
            {"seen": NOON, "tick": NOON + 150 * MINUTE},
            [evidence("hours_since(seen)", ">", 2.5, "2")],
            id="age_at_the_tick",
        ),
    ],
)
def test_comparisons(when: str, row: Mapping[str, object], expected: list[dict[str, object]]) -> None:
    assert texts(f'  some: {{when: "{when}"}}', ("some", "ENTERED", row, {"some"})) == [expected]


def test_condition_without_a_comparison_has_no_evidence() -> None:
    assert texts("  all: {when: 'TRUE'}", ("all", "ENTERED", {}, {"all"})) == [[]]


@pytest.mark.parametrize("member", [True, False])
def test_in_segment_tells_what_the_same_tick_decided(member: bool) -> None:
    segments = "  busy: {when: clicks >= 7}\n  idle: {when: NOT in_segment('busy')}"
    after = {"idle", "busy"} if member else {"idle"}
    assert texts(segments, ("idle", "ENTERED", {}, after)) == [[evidence("in_segment(busy)", "", member, None)]]


@pytest.mark.parametrize(
    ("when", "column", "value", "shown"),
    [
        pytest.param("clicks > 2", "clicks", 9_007_199_254_740_993, 9_007_199_254_740_993, id="integer_beyond_2_to_53"),
        pytest.param("percentile(clicks) >= 80", "percentile(clicks)", 100 / 3, 100 / 3, id="double_with_all_digits"),
        pytest.param("percentile(clicks) >= 80", "percentile(clicks)", None, None, id="null_double"),
        pytest.param("clicks / 2 > price", "clicks", None, None, id="null_of_a_computation"),
        pytest.param("price > 2", "price", float("inf"), None, id="infinity_is_not_json"),
        pytest.param("price > 2", "price", NAN, None, id="nan_is_not_json"),
        pytest.param("channel = 'a'", "channel", 'Zoë "x"\n\\', 'Zoë "x"\n\\', id="text_with_quotes_and_line_ends"),
        pytest.param("channel = 'a'", "channel", None, None, id="null_text"),
        pytest.param(
            "trial.time_to_complete < INTERVAL '3' HOUR", "trial.time_to_complete", None, None, id="null_time"
        ),
    ],
)
def test_value(when: str, column: str, value: object, shown: object) -> None:
    row = {"clicks": 1, "price": 1.0, column: value}
    found = texts(f'  some: {{when: "{when}"}}', ("some", "ENTERED", row, {"some"}))
    assert found[0][0]["value"] == shown


def raw(when: str, column_name: str, value: object) -> str:
    """The value's own characters."""
    conditions = Conditions(parse_rules(FEATURES + f'  some: {{when: "{when}"}}', "rules.yaml"))
    [text] = Evidence(conditions).texts(
        np.array([0]), np.array([0]), np.array([True]), np.array([[True]]), lambda _, __: {column_name: column([value])}
    )
    return text.partition('"value":')[2].partition(',"threshold"')[0]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (80.0, "80.0"),
        (0.1, "0.1"),
        (1e15, "1000000000000000.0"),
        (1e16, "1e+16"),
        (0.0001, "0.0001"),
        (0.00001, "0.00001"),
        (-0.000025, "-0.000025"),
        (0.000001, "1e-6"),
    ],
)
def test_double_is_the_shortest_that_reads_back(value: float, written: str) -> None:
    text = raw("price > 2", "price", value)
    assert float(text) == value
    assert text == written


@pytest.mark.parametrize(
    ("micros", "written"),
    [
        (0, '"0h0m0s"'),
        (1, '"0h0m0.000001s"'),
        (SECOND, '"0h0m1s"'),
        (HOUR - 1, '"0h59m59.999999s"'),
        (2 * HOUR + 5 * MINUTE + 250_000, '"2h5m0.25s"'),
        (DAY + 2 * HOUR, '"26h0m0s"'),
        (-90 * SECOND - 500_000, '"-0h1m30.5s"'),
    ],
)
def test_interval(micros: int, written: str) -> None:
    assert raw("trial.time_to_complete < INTERVAL '3' HOUR", "trial.time_to_complete", micros) == written


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 0, 0, 1, tzinfo=UTC),
    ],
)
def test_time_is_iso_8601_in_utc(moment: datetime) -> None:
    micros = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // (datetime.resolution)
    text = json.loads(raw("seen IS NOT NULL", "seen", micros))
    assert text.endswith("Z")
    assert datetime.fromisoformat(text) == moment


def test_interval_as_threshold() -> None:
    row = {"trial.time_to_complete": 2 * HOUR}
    [[found]] = texts(
        "  fast: {when: \"trial.time_to_complete <= INTERVAL '24' HOUR\"}", ("fast", "ENTERED", row, {"fast"})
    )
    assert found == evidence("trial.time_to_complete", "<=", "2h0m0s", "1d")


PACE = """
  slow: {when: clicks >= 1, group: pace, priority: 1}
  fast: {when: clicks >= 5, group: pace, priority: 2}
  faster: {when: clicks >= 9, group: pace, priority: 3}
  alone: {when: clicks >= 2, group: other, priority: 1}
"""


@pytest.mark.parametrize(
    ("segment", "action", "after", "winner"),
    [
        pytest.param("slow", "EXITED", {"fast"}, "fast", id="priority_lost"),
        pytest.param("fast", "EXITED", {"faster"}, "faster", id="priority_lost_to_the_highest"),
        pytest.param("faster", "EXITED", {"slow"}, "slow", id="a_lower_one_took_over"),
        pytest.param("slow", "EXITED", set(), None, id="the_group_is_empty"),
        pytest.param("slow", "EXITED", {"alone"}, None, id="a_member_of_another_group"),
        pytest.param("slow", "ENTERED", {"slow"}, None, id="entering"),
        pytest.param("alone", "EXITED", {"fast"}, None, id="the_only_one_of_its_group"),
    ],
)
def test_rival_of_the_group(segment: str, action: str, after: set[str], winner: str | None) -> None:
    [found] = texts(PACE, (segment, action, {"clicks": 6}, after))
    assert found[0]["feature"] == "clicks"
    assert found[1:] == ([] if winner is None else [evidence("group(pace)", "=", winner, None)])


def test_rivals_of_several_users_are_told_apart() -> None:
    changes = [("slow", "EXITED", {"clicks": 6}, after) for after in ({"faster"}, set(), {"fast"})]
    found = [[each["value"] for each in some[1:]] for some in texts(PACE, *changes)]
    assert found == [["faster"], [], ["fast"]]
