"""Late events as what leaves a stage: audit records under the published pseudonyms."""

from dataclasses import dataclass

from segmentation.columns.frames import encode_frames
from segmentation.tracking.late_events import LateEvents
from transforms.keys.sources import KeySource


@dataclass(frozen=True)
class Auditor:
    """Part of the job graph, so it says where the key comes from and never holds it."""

    rules_version: int
    keys: KeySource

    def encode(self, late: LateEvents) -> bytes:
        """A frame of audit records as bytes.

        Raises:
            SecretKeyError: the keys are missing or no keys.
        """
        publish_key = self.keys.load().publish
        return encode_frames({"kind": "audit"}, {"audit": late.records(self.rules_version, publish_key)})
