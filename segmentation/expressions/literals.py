"""Literals as written to values, exactly; what engines read differently is refused."""

import re
from collections.abc import Mapping
from decimal import Decimal
from math import isfinite

from segmentation.expressions.nodes import Literal, Type
from segmentation.units import DAY, HOUR, MINUTE, SECOND

_INTEGER = re.compile(r"\d+")
_DECIMAL = re.compile(r"\d+\.\d+")
_DOUBLE = re.compile(r"\d+(\.\d+)?[eE][+-]?\d+")
_INTERVAL_NUMBER = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*")

#: Digits that a double keeps whatever they are, so that a decimal and its double order alike against every number.
_DECIMAL_DIGITS = 15
_INTEGER_LIMIT = 2**63
#: Far beyond any window, and far from where the sum of a time and some intervals would overflow 64 bits.
_INTERVAL_LIMIT = 36_500 * DAY

_UNITS: Mapping[str, int] = {"SECOND": SECOND, "MINUTE": MINUTE, "HOUR": HOUR, "DAY": DAY}
UNIT_NAMES = "SECOND, MINUTE, HOUR or DAY"


def number(written: str, at: int) -> Literal:
    """A number without a sign: ``12`` INTEGER, ``0.5`` DECIMAL, ``5e-1`` DOUBLE.

    Raises:
        ValueError: another spelling, or a value that the type does not hold exactly.
    """
    if _INTEGER.fullmatch(written):
        if int(written) >= _INTEGER_LIMIT:
            raise ValueError(f"{written} does not fit into 64 bits")
        return Literal(int(written), Type.INTEGER, at)
    if _DECIMAL.fullmatch(written):
        if len(written.replace(".", "").lstrip("0")) > _DECIMAL_DIGITS or len(written) > 2 * _DECIMAL_DIGITS:
            raise ValueError(f"{written} has more than {_DECIMAL_DIGITS} significant digits")
        return Literal(Decimal(written), Type.DECIMAL, at)
    if _DOUBLE.fullmatch(written):
        if not isfinite(float(written)):
            raise ValueError(f"{written} is not a finite number")
        return Literal(float(written), Type.DOUBLE, at)
    raise ValueError(f"{written!r} is not a number of the grammar; expected digits such as 12, 0.5 or 5e-1")


def interval(amount: str, unit: str | None, at: int) -> Literal:
    """``INTERVAL 'amount' unit`` in microseconds.

    Raises:
        ValueError: another unit than SECOND to DAY, no number, or a fraction of anything but a second, which some
            engines round away.
    """
    if unit is None:
        raise ValueError(f"an INTERVAL needs a unit: {UNIT_NAMES}, such as INTERVAL '24' HOUR")
    singular = unit.upper().removesuffix("S")
    if singular not in _UNITS:
        raise ValueError(f"{unit} is not a fixed unit of time; expected {UNIT_NAMES}")
    match = _INTERVAL_NUMBER.fullmatch(amount)
    if match is None:
        raise ValueError(f"{amount!r} is not a number of {singular}S; expected such as INTERVAL '24' {singular}")
    if "." in amount and singular != "SECOND":
        raise ValueError(f"engines round '{amount}' {singular} differently; write a whole number of a smaller unit")
    micros = Decimal(match[1]) * _UNITS[singular]
    if micros != int(micros):
        raise ValueError(f"'{amount}' SECOND is finer than a microsecond")
    if abs(micros) > _INTERVAL_LIMIT:
        raise ValueError(f"INTERVAL '{amount}' {singular} is longer than {_INTERVAL_LIMIT // DAY} days")
    return Literal(int(micros), Type.INTERVAL, at)


def negated(literal: Literal) -> Literal:
    """The literal with the other sign; numbers and intervals only."""
    if isinstance(literal.value, str | bool):
        return literal
    return Literal(-literal.value, literal.type, literal.at)
