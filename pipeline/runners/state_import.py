"""Exported state for the number of shards of the next job: ``segments state import``."""

from dataclasses import dataclass

from pipeline.inputs import rules_at
from pipeline.options.run_options import parse_disorder, parse_shards, parse_within
from pipeline.options.state_folders import check_empty
from pipeline.runners.contract import Voice
from segmentation.units import format_instant
from transforms.state.resharding import Resharding
from transforms.state.state_folder import TRACK, StateFolder
from transforms.state.timing import Timing


@dataclass(frozen=True)
class StateImport:
    """An import that has been checked and can start."""

    work: Resharding

    @classmethod
    def check(
        cls, source: str, target: str, shards: int, rules: str, max_disorder: str, duplicates_within: str
    ) -> "StateImport":
        """Check the options, and that there is something to import. Nothing is written.

        Raises:
            OptionError: an option can't be used.
            RulesError: the rules file has errors.
            StateFilesError: one of the folders can't be used.
        """
        timing = Timing(
            bounded=False,
            max_disorder=parse_disorder(max_disorder),
            duplicates_within=parse_within(duplicates_within),
        )
        folder = StateFolder(target)
        check_empty("--to", folder)
        return cls(Resharding(StateFolder(source), folder, parse_shards(shards), rules_at(rules), timing))

    def describe(self) -> str:
        """What would be done, for ``--dry-run``."""
        work, found = self.work, self.work.manifest
        what = f"{found.shards} shards, layout {found.layout}, out of {found.origin}"
        return f"ready to import {work.source.place} ({what}) to {work.target.place}, for {work.shards} shards"

    def run(self, voice: Voice) -> str:
        """Write the new files; the folder in which they are.

        Raises:
            StateFilesError: the exported state can't be used, or not with these rules.
        """
        work = self.work
        work.run(voice.report)
        settled = f"settled up to {format_instant(work.settled[TRACK])}" if work.settled else "no tick has settled"
        voice.report(f"{work.users:,} users in {work.shards} shards, {settled}")
        return work.target.place
