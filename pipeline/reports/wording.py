"""Words that several reports and messages are made of."""


def counted(number: int, what: str) -> str:
    """A number and its noun.

    >>> counted(1, "file"), counted(1200, "file")
    ('1 file', '1,200 files')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"
