"""The facts that a run makes its state with. To add one is a line in `StateFacts._facts`, and one in docs/flink.md."""

from dataclasses import asdict, dataclass
from typing import Final

from segmentation.identity.pseudonyms import check_value
from segmentation.rules.canonical import canonical_feature, canonical_segment, canonical_text
from segmentation.rules.model import Rules
from segmentation.units import format_duration
from transforms.keys.sources import KeySource
from transforms.mapping.model import EventMapping
from transforms.state.made_with import ORDER, MadeWith
from transforms.state.timing import Timing

STATE_KEY: Final = "the state key"
PUBLISH_KEY: Final = "the pseudonym key"
_REMEDIES: Final = {
    PUBLISH_KEY: "where it is new on purpose, add --new-pseudonym-key accept: subscribers see new subjects"
}


@dataclass(frozen=True)
class StateFacts:
    """What a run makes its state with. It is a part of the job graph, so it says where keys come from and holds none.

    What is not here may change: the version of the rules, whether there are early changes or an audit, and where
    records go.

    ``new_publish_key``: the key of the published pseudonyms may be another one than before. ``resumed``: the run goes
    on from a savepoint.
    """

    rules: Rules
    timing: Timing
    shards: int
    keys: KeySource
    mapping: EventMapping | None = None
    new_publish_key: bool = False
    resumed: bool = False

    def made_with(self, *, seeded: bool) -> MadeWith:
        """The facts of the process that asks.

        ``seeded``: once the stage that asks has seen an event, all of its shards have state.

        Raises:
            SecretKeyError: a key is missing, can't be read, or is no key.
        """
        return MadeWith(
            self.shards,
            self._facts(),
            hidden=frozenset({STATE_KEY, PUBLISH_KEY}),
            accepted=frozenset({PUBLISH_KEY} if self.new_publish_key else ()),
            remedies=_REMEDIES,
            complete=seeded and self.resumed,
        )

    def _facts(self) -> dict[str, str]:
        rules, keys = self.rules, self.keys.load()
        return {
            "tick": format_duration(rules.tick),
            "population.minimum": str(rules.population_minimum),
            **({} if rules.forget_after is None else {"forget_after": format_duration(rules.forget_after)}),
            **{f"feature {name}": canonical_text(canonical_feature(each)) for name, each in rules.features.items()},
            **{f"segment {name}": canonical_text(canonical_segment(each)) for name, each in rules.segments.items()},
            f"{ORDER}features": ", ".join(rules.features),
            f"{ORDER}segments": ", ".join(rules.segments),
            "--mapping": "none" if self.mapping is None else canonical_text(asdict(self.mapping)),
            "--max-disorder": format_duration(self.timing.max_disorder),
            "--duplicates-within": format_duration(self.timing.duplicates_within),
            STATE_KEY: check_value(keys.state),
            PUBLISH_KEY: check_value(keys.publish),
        }
