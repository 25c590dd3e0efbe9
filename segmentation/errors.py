"""Errors that the person who started a command can mend."""


class UsageError(Exception):
    """The command line, the environment, or a file that one of them names says something that can't be used.

    A command ends with exit code 2 and the message, which names the option, the variable, or the place in the file.
    """
