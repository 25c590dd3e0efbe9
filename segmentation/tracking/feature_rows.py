"""What one span of ticks makes of a shard's features, in the form in which it is sent on."""

from collections.abc import Mapping

import numpy as np

from segmentation.columns.arrays import I64, Column
from segmentation.features import timeline
from segmentation.features.kind import FeatureState
from segmentation.features.nulls import NO_VALUE
from segmentation.features.timeline import Events, Span, Updates
from segmentation.messages import AGAIN, FeaturesOfShard
from segmentation.population.moves import Moves, moves_of
from segmentation.rules.model import Rules
from segmentation.rules.thresholds import measured_features, stored_columns
from segmentation.tracking.cut import Cut


class FeatureRows:
    """Puts the columns of all features together, and tells how populations move with them.

    Args:
        rules: the rules to follow.
        features: the state of each feature, as of the tick before the span.

    >>> from segmentation.rules.file import parse_rules
    >>> text = "{version: 1, tick: 1m, features: {clicks: {kind: rolling_count, window: 3m, every: 1m}}, "
    >>> rules = parse_rules(text + "segments: {busy: {when: clicks >= 2}}}", "rules.yaml")
    >>> FeatureRows(rules, {}).measured_every
    []
    """

    def __init__(self, rules: Rules, features: Mapping[str, FeatureState]) -> None:
        self._features = features
        self._measured = {each.name: each for each in measured_features(rules)}
        #: What all columns are where nothing is known of a user.
        self._nothing: dict[str, int | float] = {**stored_columns(rules), "event": False, "late": False}

    @property
    def measured_every(self) -> list[int]:
        """How far the boundaries of each measured feature are apart, µs."""
        return [each.every for each in self._measured.values()]

    def message(
        self,
        parts: list[Updates],
        counted: Events,
        span: Span,
        cut: Cut | None,
        users: list[bytes],
        *,
        preview: bool = False,
    ) -> FeaturesOfShard:
        """All columns at every (user, tick) at which one of them changed, an event counted or the user was forgotten.

        In a preview at each user's last such tick only; ``users`` are the internal ids of all rows before the span.
        """
        keys = span.keys(counted.user, counted.index)
        before = {name: values for state in self._features.values() for name, values in state.current().items()}
        touched = timeline.merged_keys([keys])
        also = touched if cut is None else timeline.merged_keys([touched, cut.ended_keys(span)])
        rows = timeline.combined(parts, before, span, also=also)
        event, late = _marked(rows.keys, touched), _marked(rows.keys, timeline.merged_keys([keys[counted.late]]))
        table: dict[str, Column] = {"tick": span.settled + rows.keys % span.stride * span.tick, **rows.columns}
        table |= {"event": event, "late": late}
        of_row = rows.keys // span.stride
        if cut is not None:
            of_row, table = cut.joined(rows.keys, table, self._nothing, span)
        if preview:
            last = timeline.run_ends(of_row)
            of_row, table = of_row[last], {name: column[last] for name, column in table.items()}
        else:
            table.pop(AGAIN, None)
        starts = timeline.run_starts(of_row)
        user = np.repeat(np.arange(len(starts), dtype=np.uint32), timeline.run_lengths(starts, len(of_row)))
        vocabularies = self._own_words(table)
        told = [users[each] for each in of_row[starts].tolist()]
        return FeaturesOfShard(told, {"user": user, **table}, vocabularies, span.settled, span.end)

    def moves(self, parts: list[Updates], span: Span, cut: Cut | None) -> dict[str, Moves]:
        """How the histograms of the measured features move at their boundaries."""
        result = {}
        for (name, state), changes in zip(self._features.items(), parts, strict=True):
            measured = self._measured.get(name)
            if measured is not None:
                column = measured.column
                kept = changes if cut is None else cut.measured(changes, column, measured.every, span)
                moves = moves_of(kept, column, state.current()[column], span)
                if len(moves):
                    result[name] = moves
        return result

    def _own_words(self, table: dict[str, Column]) -> dict[str, list[str]]:
        """By feature with codes the texts that ``table`` names; its codes become positions among them."""
        result = {}
        for name, state in self._features.items():
            texts = state.texts()
            if texts is not None:
                codes, place = np.unique(np.append(table[name], NO_VALUE), return_inverse=True)
                # The first of the distinct codes is always the one for no value, so that it stays -1.
                table[name] = place[:-1] - 1
                result[name] = [texts[code] for code in codes[1:].tolist()]
        return result


def _marked(keys: I64, some: I64) -> Column:
    """Which of the sorted ``keys`` are among ``some`` (sorted, each one of them)."""
    result = np.zeros(len(keys), np.bool_)
    result[np.searchsorted(keys, some)] = True
    return result
