"""Prism's habit of splitting bundles, which loses data in stateful steps, and how its workers refuse.

Prism splits the bundle of a step that stands still for a tenth of a second or more. What it splits off from a stateful
step it then loses, or brings behind timers that it came before (apache/beam#35771): a sink that waits for its service
was enough.
"""

from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.worker.bundle_processor import BundleProcessor


def refuse_splits() -> None:
    """From now on the workers of this process, which is where Prism has them, split no bundle."""
    nothing = beam_fn_api_pb2.ProcessBundleSplitResponse()
    # The types of Beam's own method are half known.
    BundleProcessor.try_split = lambda *_: nothing  # type: ignore[method-assign]
