"""Names, functions and literals of a condition: from sqlglot's leaves to typed ones."""

from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from segmentation.documents.suggestions import did_you_mean
from segmentation.expressions import literals
from segmentation.expressions.context import Context, only
from segmentation.expressions.nodes import FeatureColumn, HoursSince, InSegment, Literal, Node, Percentile, Type
from segmentation.expressions.scope import NamedFeature


def column(context: Context, tree: exp.Column) -> FeatureColumn | None:
    """A feature's value, or a journey's field."""
    at = context.places.near(tree)
    parts = [part for part in (tree.args.get("table"), tree.this) if part is not None]
    if not only(tree, ("this", "table")) or not all(isinstance(part, exp.Identifier) for part in parts):
        context.unsupported(tree)
        return None
    quoted = next((part for part in parts if part.args.get("quoted")), None)
    context.places.noted(parts[-1])
    if quoted is not None:
        context.error(at, f'"{quoted.name}" is a name to SQL; write text in single quotes and names without quotes')
        return None
    feature = _feature(context, parts[0].name, at)
    if feature is None:
        return None
    name = ".".join(part.name for part in parts)
    columns = feature.columns()
    if name not in columns:
        context.error(at, _no_such_column(feature, parts[1].name if len(parts) > 1 else None))
        return None
    return FeatureColumn(name, feature.name, columns[name].type, at)


def function(context: Context, tree: exp.Anonymous) -> Node | None:
    """percentile(rolling feature), hours_since(time) or in_segment('name')."""
    token = context.places.noted(tree)
    at = token.start if token is not None else context.places.near(tree)
    name = tree.name.lower()
    if name not in ("percentile", "hours_since", "in_segment") or not only(tree, ("this", "expressions")):
        context.unsupported(tree)
        return None
    if len(tree.expressions) != 1:
        context.error(at, f"{name}() takes one argument, found {len(tree.expressions)}")
        return None
    argument = tree.expressions[0]
    if name == "in_segment":
        return _in_segment(context, argument, at)
    if not isinstance(argument, exp.Column):
        context.error(context.places.near(argument), f"{name}() takes the name of a feature")
        return None
    return _percentile(context, argument, at) if name == "percentile" else _hours_since(context, argument, at)


def literal(context: Context, tree: exp.Literal) -> Literal | None:
    """A number or a text."""
    token = context.places.noted(tree) or context.places.following(TokenType.NUMBER, TokenType.STRING)
    if token is None:
        context.unsupported(tree)
        return None
    written = context.syntax.text[token.start : token.end + 1]
    value = str(tree.this)
    if not tree.is_string and written != value:  # a spelling that the tree does not keep, such as .5 or 1_000
        context.error(token.start, f"expected a number such as 12, 0.5 or 5e-1, found one that means {value}")
        return None
    if tree.is_string:
        if written[:1] + written[1:-1].replace("''", "'") + written[-1:] == f"'{value}'":
            return Literal(value, Type.STRING, token.start)
        context.error(token.start, f"{written} is not a string of the grammar; write 'text', with '' for a quote")
        return None
    try:
        return literals.number(written, token.start)
    except ValueError as error:
        context.error(token.start, str(error))
        return None


def boolean(context: Context, tree: exp.Boolean) -> Literal | None:
    """TRUE or FALSE."""
    at = context.places.keyword(tree, TokenType.TRUE if tree.this else TokenType.FALSE)
    return Literal(bool(tree.this), Type.BOOLEAN, at)


def interval(context: Context, tree: exp.Interval) -> Literal | None:
    """INTERVAL 'n' UNIT."""
    token = context.places.following(TokenType.INTERVAL)
    if token is None:
        context.error(context.places.near(tree), "expected an operator between two intervals")
        return None
    amount, unit = tree.this, tree.args.get("unit")
    if not isinstance(amount, exp.Literal) or not (unit is None or isinstance(unit, exp.Var)):
        context.error(token.start, f"expected INTERVAL 'n' and a unit: {literals.UNIT_NAMES}")
        return None
    try:
        return literals.interval(str(amount.this), None if unit is None else unit.name, token.start)
    except ValueError as error:
        context.error(token.start, str(error))
        return None


def _feature(context: Context, name: str, at: int) -> NamedFeature | None:
    if name in context.features:
        return context.features[name]
    if name in context.segments:
        context.error(at, f"{name!r} is a segment, not a feature; write in_segment('{name}')")
    elif context.unreadable is not None and name not in context.unreadable:
        context.error(at, f"unknown feature {name!r}{did_you_mean(name, context.features)}")
    return None


def _no_such_column(feature: NamedFeature, field: str | None) -> str:
    fields = [name.removeprefix(f"{feature.name}.") for name in feature.columns() if name != feature.name]
    if not fields:
        return f"{feature.name!r} has the kind {feature.kind} and no fields; write {feature.name}"
    shown = ", ".join(f".{each}" for each in fields)
    if field is None:
        return f"{feature.name!r} is a {feature.kind}; expected one of its fields: {shown}"
    return f"a {feature.kind} has no field {field!r}; expected {shown}{did_you_mean(field, fields)}"


def _percentile(context: Context, argument: exp.Column, at: int) -> Percentile | None:
    place = context.places.near(argument)
    context.places.noted(argument.this)
    feature = _feature(context, argument.args["table"].name if argument.args.get("table") else argument.name, place)
    if feature is None:
        return None
    if argument.args.get("table") or not feature.has_percentile:
        what = f"{feature.name!r} has the kind {feature.kind}"
        context.error(place, f"percentile() takes a rolling feature (rolling_score or rolling_count); {what}")
        return None
    return Percentile(feature.name, at)


def _hours_since(context: Context, argument: exp.Column, at: int) -> HoursSince | None:
    time = column(context, argument)
    if time is None:
        return None
    if time.type is not Type.TIMESTAMP:
        context.error(time.at, f"hours_since() takes a TIMESTAMP such as a recency feature, not {time.type.value}")
        return None
    return HoursSince(time, at)


def _in_segment(context: Context, argument: exp.Expr, at: int) -> InSegment | None:
    place = context.places.near(argument)
    if not (isinstance(argument, exp.Literal) and argument.is_string):
        context.error(place, "in_segment() takes the name of a segment in single quotes")
        return None
    name = literal(context, argument)
    if name is None:
        return None
    segment = str(name.value)
    if segment not in context.segments:
        context.error(place, f"unknown segment {segment!r}{did_you_mean(segment, context.segments)}")
        return None
    reference = InSegment(segment, at)
    context.references.append(reference)
    return reference
