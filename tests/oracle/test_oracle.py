"""The oracle's features against values worked out by hand: one boundary each."""

from datetime import timedelta
from typing import Any

import pytest

from tests.oracle.small import DAY, HOUR, MINUTE, START, Run, column, event

ALWAYS = {"always": {"when": "TRUE"}}
SCORE = {"score": {"kind": "rolling_score", "window": "3h", "every": "1h", "weights": {"x": 1, "y": 5}}}


def beat(hours: float) -> dict[str, object]:
    return {"event_id": f"beat{hours}", "name": "heartbeat", "occurred_at": START + int(hours * HOUR)}


def at(hours: float, name: str = "x", user: str = "a", **properties: Any) -> dict[str, Any]:
    return event(user, name, START + int(hours * HOUR), **properties)


def journey(complete: object, **more: object) -> dict[str, object]:
    return {"j": {"kind": "journey", "start": "go", "complete": complete, **more}}


def test_ticks_event_on_tick_counts_from_next(run: Run) -> None:
    oracle = run(SCORE, ALWAYS, [at(1), at(2)])
    assert oracle.ticks() == [START + 2 * HOUR, START + 3 * HOUR]
    assert column(oracle, "score") == [1, 2]


def test_ticks_end_after_heartbeat(run: Run) -> None:
    assert run(SCORE, ALWAYS, [at(1), beat(3.5)]).ticks()[-1] == START + 4 * HOUR


def test_ticks_until_stops_before_later_events(run: Run) -> None:
    oracle = run(SCORE, ALWAYS, [at(0), at(1.5), at(3.5)])
    assert column(oracle, "score", until=START + 2 * HOUR + 1) == [1, 2]
    assert len(oracle.accepted()) == 3


def test_ticks_until_goes_on_after_last_event(run: Run) -> None:
    assert column(run(SCORE, ALWAYS, [at(0)]), "score", until=START + 4 * HOUR) == [1, 1, 1, 0]


def test_user_unknown_before_first_event(run: Run) -> None:
    oracle = run(SCORE, ALWAYS, [at(0), at(2, user="b")])
    assert oracle.explain("b", START + 2 * HOUR) == {}
    assert oracle.explain("b", START + 3 * HOUR)["score"] == 1


def test_score_pane_edge_at_low_end_still_counts(run: Run) -> None:
    # At 3 h the window is [0 h, 3 h), at 4 h it is [1 h, 4 h).
    assert column(run(SCORE, ALWAYS, [at(0), beat(4)]), "score") == [1, 1, 1, 0, 0]


def test_score_before_pane_edge_leaves_an_hour_earlier(run: Run) -> None:
    early = event("a", "x", START + HOUR - 1)
    edge = event("a", "y", START + HOUR)
    assert column(run(SCORE, ALWAYS, [early, edge, beat(4)]), "score") == [1, 6, 6, 5, 0]


def test_score_between_hops_has_exact_head_and_hopped_tail(run: Run) -> None:
    # At 3 h 30 min the pane ends at 4 h: the window is [1 h, 3 h 30 min).
    oracle = run(SCORE, ALWAYS, [at(0.9), at(1), at(3.25, "y"), beat(3.5)], tick="30m")
    assert column(oracle, "score")[-3:] == [2, 6, 6]
    assert oracle.ticks()[-3:] == [START + 3 * HOUR, START + 3 * HOUR + 30 * MINUTE, START + 4 * HOUR]


def test_score_default_weight_and_reserved_events(run: Run) -> None:
    features = {"score": {**SCORE["score"], "default_weight": 2}}
    assert column(run(features, ALWAYS, [at(0), at(0, "other"), at(0, "consent", granted=True)]), "score") == [3]


def test_count_every_event_or_named_ones(run: Run) -> None:
    shape = {"kind": "rolling_count", "window": "1h", "every": "1h"}
    features = {"all": shape, "some": {**shape, "events": ["y"]}, "one": {**shape, "event": "x"}}
    oracle = run(
        {f"n_{k}": v for k, v in features.items()}, ALWAYS, [at(0), at(0, "y"), at(0, "y", n=2), at(0, "erase")]
    )
    assert [column(oracle, f"n_{k}") for k in features] == [[3], [2], [1]]


def test_percentile_ties_share_the_lower_rank(run: Run) -> None:
    events = [
        at(0, user="a"),
        *(at(i / 10, user=u) for u in "bc" for i in range(2)),
        *(at(i / 10, user="d") for i in range(4)),
    ]
    oracle = run(SCORE, ALWAYS, events)
    assert [column(oracle, '"percentile(score)"', u) for u in "abcd"] == [[0.0], [100 / 3], [100 / 3], [100.0]]


def test_percentile_of_one_is_zero(run: Run) -> None:
    assert column(run(SCORE, ALWAYS, [at(0)]), '"percentile(score)"') == [0.0]


@pytest.mark.parametrize(("minimum", "expected"), [(2, 0.0), (3, None)])
def test_percentile_below_minimum_is_null(run: Run, minimum: int, expected: float | None) -> None:
    oracle = run(SCORE, ALWAYS, [at(0), at(0, "y", "b")], population={"minimum": minimum})
    assert column(oracle, '"percentile(score)"') == [expected]


def test_percentile_score_zero_is_null_and_not_in_population(run: Run) -> None:
    oracle = run(SCORE, ALWAYS, [at(0, user="b"), at(0, "y", "c"), at(0, "other")])
    assert column(oracle, '"percentile(score)"') == [None]
    assert column(oracle, '"percentile(score)"', "b") == [0.0]


def test_percentile_between_hops_is_that_of_the_last_hop(run: Run) -> None:
    events = [at(0.5, user="b"), at(0.6, user="b"), at(0.5), at(1.1, "y"), beat(1.9)]
    oracle = run(SCORE, ALWAYS, events, tick="30m")
    assert column(oracle, "score") == [1, 6, 6]  # at 1 h, 1 h 30 min, 2 h
    assert column(oracle, '"percentile(score)"') == [0.0, 0.0, 100.0]


def test_journey_completed_exactly_at_deadline_is_in_time(run: Run) -> None:
    oracle = run(journey({"all_of": ["end"]}, deadline="2h"), ALWAYS, [at(0, "go"), at(2, "end")])
    assert column(oracle, "j.status") == ["in_progress", "in_progress", "completed_in_time"]
    assert column(oracle, "j.time_to_complete")[-1] == timedelta(hours=2)


def test_journey_completed_after_deadline_is_late(run: Run) -> None:
    oracle = run(
        journey({"all_of": ["end"]}, deadline="2h"), ALWAYS, [at(0, "go"), event("a", "end", START + 2 * HOUR + 1)]
    )
    assert column(oracle, "j.status") == ["in_progress", "in_progress", "completed_late"]


def test_journey_overdue_from_first_tick_after_deadline(run: Run) -> None:
    oracle = run(journey({"all_of": ["end"]}, deadline="2h"), ALWAYS, [at(0, "go"), beat(3.5)])
    assert column(oracle, "j.status") == ["in_progress", "in_progress", "overdue", "overdue"]


def test_journey_without_deadline_is_never_overdue(run: Run) -> None:
    oracle = run(journey({"all_of": ["end"]}), ALWAYS, [at(0, "go"), at(99, "end")])
    assert set(column(oracle, "j.status")) == {"in_progress", "completed_in_time"}


def test_journey_steps_before_start_do_not_count(run: Run) -> None:
    oracle = run(journey({"all_of": ["end"]}), ALWAYS, [at(0, "end"), at(1, "go"), at(2, "end")])
    assert column(oracle, "j.status") == ["not_started", "in_progress", "completed_in_time"]
    assert column(oracle, "epoch_us(j.started_at)") == [None, *2 * [START + HOUR]]


def test_journey_start_may_be_a_step(run: Run) -> None:
    oracle = run(journey({"all_of": ["go"]}, deadline="1h"), ALWAYS, [at(0.5, "go")])
    assert column(oracle, "j.time_to_complete") == [timedelta(0)]


def test_journey_counts_again_from_earliest_start_only(run: Run) -> None:
    oracle = run(
        journey({"all_of": [{"event": "s", "at_least": 2}]}),
        ALWAYS,
        [at(h, n) for h, n in enumerate(["go", "s", "go", "s"])],
    )
    assert column(oracle, "epoch_us(j.completed_at)")[-1] == START + 3 * HOUR


def test_journey_distinct_counts_a_value_once(run: Run) -> None:
    steps = {"all_of": [{"event": "s", "distinct": "to", "at_least": 3}]}
    values: list[dict[str, Any]] = [{"to": 1}, {"to": 2}, {"to": 1}, {}, {"to": None}, {"to": 3}]
    oracle = run(journey(steps), ALWAYS, [at(0, "go"), *(at(1 + i, "s", **v) for i, v in enumerate(values))])
    assert column(oracle, "j.steps_done") == [0, 0, 0, 0, 0, 0, 1]
    assert column(oracle, "epoch_us(j.completed_at)")[-1] == START + 6 * HOUR


def test_journey_all_of_waits_for_the_last_step(run: Run) -> None:
    oracle = run(journey({"all_of": ["s", "t"]}), ALWAYS, [at(0, "go"), at(1, "t"), at(2, "s")])
    assert column(oracle, "j.status") == ["in_progress", "in_progress", "completed_in_time"]
    assert column(oracle, "j.steps_done") == [0, 1, 2]


def test_journey_any_of_takes_the_first_step(run: Run) -> None:
    oracle = run(journey({"any_of": ["s", "t"]}), ALWAYS, [at(0, "go"), at(1, "t"), at(2, "s")])
    assert column(oracle, "epoch_us(j.completed_at)") == [None, *2 * [START + HOUR]]


def test_attribute_first_and_last_break_ties_by_event_id(run: Run) -> None:
    attribute = {"kind": "attribute", "property": "p"}
    events = [event("a", "x", START, event_id=i, p=i) for i in "nmo"] + [at(1), at(2, p="z")]
    oracle = run({k: {**attribute, "keep": k} for k in ("first", "last")}, ALWAYS, events)
    assert column(oracle, "first") == ["m", "m", "m"]
    assert column(oracle, "last") == ["o", "o", "z"]


def test_attribute_value_outside_closed_set_is_unknown(run: Run) -> None:
    attribute = {"kind": "attribute", "property": "p", "keep": "last", "values": ["ads", 7], "events": ["x"]}
    events = [at(0, "y", p="ads"), at(1, p="Ads"), at(2, p=7), at(3, p=None), at(4, p="ads")]
    assert column(run({"f": attribute}, ALWAYS, events), "f") == [None, "unknown", "7", "7", "ads"]


def test_attribute_max_takes_numbers_only(run: Run) -> None:
    attribute = {"kind": "attribute", "property": "p", "keep": "max"}
    events = [at(i, p=p) for i, p in enumerate(["none", -2.5, "nan", True, "10", 9, ""])]
    assert column(run({"f": attribute}, ALWAYS, events), "f") == [None, -2.5, -2.5, -2.5, 10.0, 10.0, 10.0]


def test_attribute_set_counts_values(run: Run) -> None:
    attribute = {"kind": "attribute", "property": "p", "keep": "set"}
    features = {"open": attribute, "closed": {**attribute, "values": ["a"]}}
    oracle = run(features, ALWAYS, [at(0), *(at(i + 1, p=p) for i, p in enumerate("abac"))])
    assert column(oracle, "open") == [0, 1, 2, 2, 3]
    assert column(oracle, "closed") == [0, 1, 2, 2, 2]  # all others are one: unknown


def test_recency_is_the_latest_event_before_the_tick(run: Run) -> None:
    features = {"seen": {"kind": "recency"}, "y": {"kind": "recency", "events": ["y"]}}
    oracle = run(features, ALWAYS, [at(0.25), at(1, "identify"), at(2, "y")])
    assert column(oracle, "epoch_us(seen)") == [*2 * [START + HOUR // 4], START + 2 * HOUR]
    assert column(oracle, "epoch_us(y)") == [None, None, START + 2 * HOUR]


def test_distinct_days_window_holds_the_day_before_midnight(run: Run) -> None:
    features = {"days": {"kind": "distinct_days", "window": "2d"}, "ever": {"kind": "distinct_days"}}
    oracle = run(features, ALWAYS, [at(1), at(2), at(25), beat(72.5)])
    days = dict(zip(oracle.ticks(), column(oracle, "days"), strict=True))
    hours = [2, 24, 25, 26, 48, 49, 72, 73]
    assert [days[START + h * HOUR] for h in hours] == [1, 1, 1, 2, 2, 1, 1, 0]
    assert column(oracle, "ever")[-1] == 2
    assert START % DAY == 0
