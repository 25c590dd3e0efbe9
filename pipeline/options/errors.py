"""What is raised for an option that can't be used."""

from segmentation.errors import UsageError


class OptionError(UsageError):
    """A bad value; the message starts with the option's name."""
