"""What is raised where a shard's state is of no use to a job."""

from segmentation.errors import FatalError


class ShardStateError(FatalError, RuntimeError):
    """State that this job can't continue from, or that has outgrown its shard."""
