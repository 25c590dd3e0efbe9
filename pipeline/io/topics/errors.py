"""What is raised where a topic, or a subscription to one, can't be used; messages start with the option's name."""

from segmentation.errors import FatalError, UsageError


class AddressError(FatalError, UsageError):
    """An address that can't be used, or that the environment lacks something for."""


class TopicError(UsageError):
    """The system that keeps the topic can't be reached, or refuses."""
