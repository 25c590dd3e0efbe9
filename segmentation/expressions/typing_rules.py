"""Which types go together, and what comes out."""

from segmentation.expressions.nodes import NUMBERS, ArithmeticOperator, Type

#: What to write instead of 0.5 where SQL engines would do decimal arithmetic, each with its own precision.
DECIMAL_HINT = "write decimals with an exponent (0.5 as 5e-1), or divide: engines differ in decimal arithmetic"


def same_family(left: Type, right: Type) -> bool:
    """Whether values of the two types can be compared: numbers mix, all others only with their own."""
    return left is right or (left in NUMBERS and right in NUMBERS)


def arithmetic_type(operator: ArithmeticOperator, left: Type, right: Type) -> Type:
    """The type of ``left operator right``.

    Raises:
        ValueError: the operator does not take these types.
    """
    if left in NUMBERS and right in NUMBERS:
        return Type.DOUBLE if operator == "/" else common_number(f"{left.value} {operator} {right.value}", left, right)
    times = {
        ("-", Type.TIMESTAMP, Type.TIMESTAMP): Type.INTERVAL,
        ("-", Type.TIMESTAMP, Type.INTERVAL): Type.TIMESTAMP,
        ("+", Type.TIMESTAMP, Type.INTERVAL): Type.TIMESTAMP,
        ("+", Type.INTERVAL, Type.TIMESTAMP): Type.TIMESTAMP,
        ("+", Type.INTERVAL, Type.INTERVAL): Type.INTERVAL,
        ("-", Type.INTERVAL, Type.INTERVAL): Type.INTERVAL,
    }
    if (operator, left, right) not in times:
        raise ValueError(f"{left.value} {operator} {right.value} is undefined; expected numbers, or times with + or -")
    return times[(operator, left, right)]


def common_number(what: str, *types: Type) -> Type:
    """The type that holds all these numbers.

    Raises:
        ValueError: DECIMALs without a DOUBLE among them, which engines compute with different precision.
    """
    if Type.DOUBLE in types:
        return Type.DOUBLE
    if Type.DECIMAL in types:
        raise ValueError(f"{what}: {DECIMAL_HINT}")
    return Type.INTEGER


def common_type(types: tuple[Type, ...]) -> Type:
    """The type of a CASE with results of these types.

    Raises:
        ValueError: they belong to different families.
    """
    if all(type_ in NUMBERS for type_ in types):
        return common_number("a CASE of decimals", *types)
    if len(set(types)) > 1:
        names = ", ".join(dict.fromkeys(type_.value for type_ in types))
        raise ValueError(f"the results of a CASE must have one type, these are {names}")
    return types[0]
