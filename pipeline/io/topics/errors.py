"""What is raised where a topic, or a subscription to one, can't be read or written."""

from segmentation.errors import UsageError


class TopicError(UsageError):
    """Whoever keeps the topic can't be reached, or refuses; the message starts with the option that names it."""
