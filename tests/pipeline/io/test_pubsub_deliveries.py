"""When messages may be acknowledged, when they are given back, and how long they are kept."""

import pytest

from pipeline.io.pubsub.deliveries import Deliveries, Lease, Leases, Verdict


def bundle(deliveries: Deliveries, *leases: Lease) -> int:
    number = deliveries.begin()
    deliveries.hand(number, leases)
    return number


def lease(name: str) -> Lease:
    return Lease([name], 0, 10)


def test_a_finalized_bundle_is_durable_with_the_next_round() -> None:
    """Flink finalizes bundles after the checkpoint's barrier too, which are not in it."""
    deliveries = Deliveries()
    a, b, c = lease("a"), lease("b"), lease("c")
    first, second = bundle(deliveries, a), bundle(deliveries, b)
    assert deliveries.finalized(first) == []
    assert deliveries.finalized(second) == []
    third = bundle(deliveries, c)
    assert deliveries.finalized(third) == [a, b]
    assert deliveries.pending


def test_a_bundle_that_began_before_the_finalization_proves_nothing() -> None:
    deliveries = Deliveries()
    a, b = lease("a"), lease("b")
    first = bundle(deliveries, a)
    second = bundle(deliveries, b)
    assert deliveries.finalized(first) == []
    third = bundle(deliveries)
    assert deliveries.finalized(second) == []
    assert deliveries.finalized(third) == [a]


def test_a_bundle_that_was_never_finalized_is_durable_with_a_later_one() -> None:
    deliveries = Deliveries()
    a, b = lease("a"), lease("b")
    bundle(deliveries, a)
    second = bundle(deliveries, b)
    assert deliveries.finalized(second) == []
    assert deliveries.finalized(bundle(deliveries)) == [a, b]
    assert not deliveries.pending


def test_bundles_are_finalized_once_and_only_known_ones() -> None:
    deliveries = Deliveries()
    a = lease("a")
    first = bundle(deliveries, a)
    assert deliveries.finalized(7) == []
    assert deliveries.finalized(first) == []
    second = bundle(deliveries)
    assert deliveries.finalized(second) == [a]
    assert deliveries.finalized(first) == []


def test_going_on_from_the_last_bundle_decides_nothing() -> None:
    deliveries = Deliveries()
    first = bundle(deliveries, lease("a"))
    assert deliveries.resumed(first) == Verdict([], [])
    assert deliveries.pending


def test_going_on_from_an_earlier_bundle_gives_the_later_ones_back() -> None:
    deliveries = Deliveries()
    a, b, c = lease("a"), lease("b"), lease("c")
    bundle(deliveries, a)
    second = bundle(deliveries, b)
    bundle(deliveries, c)
    assert deliveries.resumed(second) == Verdict([a, b], [c])
    assert not deliveries.pending
    assert deliveries.begin() == 4


def test_a_place_that_is_gone_back_to_twice_still_gives_back() -> None:
    deliveries = Deliveries()
    first = bundle(deliveries, lease("a"))
    second = lease("b")
    bundle(deliveries, second)
    assert deliveries.resumed(first).give_back == [second]
    third = lease("c")
    bundle(deliveries, third)
    assert deliveries.resumed(first).give_back == [third]


def test_a_reader_without_history_gives_everything_back() -> None:
    deliveries = Deliveries()
    a = lease("a")
    bundle(deliveries, a)
    assert deliveries.resumed(0) == Verdict([], [a])


def test_only_the_last_bundle_is_handed_messages() -> None:
    deliveries = Deliveries()
    first = deliveries.begin()
    deliveries.begin()
    with pytest.raises(ValueError, match="bundle 1 isn't the last one, which is 2"):
        deliveries.hand(first, [])


def test_bundles_without_messages_are_not_kept() -> None:
    deliveries = Deliveries()
    for _ in range(1000):
        bundle(deliveries)
    assert not deliveries.pending
    given_up = lease("a")
    bundle(deliveries, given_up)
    given_up.given_up = True
    assert not deliveries.pending
    last = bundle(deliveries)
    assert deliveries.finalized(last) == []
    assert deliveries.finalized(bundle(deliveries)) == []


def test_leases_are_extended_at_half_time() -> None:
    leases = Leases(10, 600)
    first = leases.add(["a", "b"], 0)
    assert leases.due(4.9) == []
    assert leases.due(5) == [first]
    assert leases.due(9.9) == []
    assert leases.due(10) == [first]
    assert leases.messages == 2
    leases.end([first])
    assert leases.messages == 0
    leases.end([first])
    assert leases.messages == 0
    assert leases.due(20) == []


def test_leases_are_given_up_when_patience_ends() -> None:
    leases = Leases(10, 600)
    old, young = leases.add(["a"], 0), leases.add(["b"], 300)
    assert leases.due(600) == [old, young]
    assert leases.due(600.1) == []
    assert old.given_up
    assert not young.given_up
    assert leases.messages == 1
