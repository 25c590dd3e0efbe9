"""What is raised for an option that can't be used."""


class OptionError(ValueError):
    """A bad value; the message starts with the option's name."""
