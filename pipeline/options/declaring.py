"""From the fields of a dataclass to the options of a command."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, Final, Protocol, TypeVar, get_type_hints

import typer
from typer.models import OptionInfo


class Arguments(Protocol):
    """A dataclass whose fields are annotated with the ``typer.Option`` that fills them."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


_BY_NAME: Final = inspect.Parameter.KEYWORD_ONLY
Declared = TypeVar("Declared", bound=Arguments)


@dataclass(frozen=True)
class InTemplate:
    """How the template for Dataflow offers an option. ``help`` is None where the option's own will do."""

    pattern: str  #: a regular expression for all of the value
    help: str | None = None
    kind: str = "TEXT"  #: one of Google's kinds of parameters
    needed: bool = False  #: also where a run elsewhere can do without


@dataclass(frozen=True)
class NotInTemplate:
    """Why the template for Dataflow does not offer an option."""

    reason: str


@dataclass(frozen=True)
class DeclaredOption:
    """An option, as the field of a dataclass declares it."""

    name: str  #: of the field: with underscores
    annotation: Any
    default: Any  #: `inspect.Parameter.empty` where it has to be given
    help: str
    template: InTemplate | NotInTemplate

    @property
    def required(self) -> bool:
        """Whether it has to be given."""
        return self.default is inspect.Parameter.empty

    @property
    def text(self) -> str:
        """How it is written on a command line."""
        return f"--{self.name.replace('_', '-')}"


def declared_options(declared: type[Arguments]) -> list[DeclaredOption]:
    """The options that the fields of ``declared`` are, in their order."""
    hints = get_type_hints(declared, include_extras=True)
    found = []
    for field in fields(declared):
        said = hints[field.name].__metadata__
        [option] = [each for each in said if isinstance(each, OptionInfo)]
        [template] = [each for each in said if isinstance(each, InTemplate | NotInTemplate)]
        default = inspect.Parameter.empty if field.default is MISSING else field.default
        found.append(DeclaredOption(field.name, hints[field.name], default, option.help or "", template))
    return found


def options_of(
    declared: type[Declared],
) -> Callable[[Callable[[typer.Context, Declared], None]], Callable[..., None]]:
    """Gives a command the fields of ``declared``, its second parameter, as options."""

    def give(command: Callable[[typer.Context, Declared], None]) -> Callable[..., None]:
        @functools.wraps(command)
        def called(context: typer.Context, **values: Any) -> None:
            command(context, declared(**values))

        context = next(iter(inspect.signature(command).parameters.values()))
        options = [
            inspect.Parameter(each.name, _BY_NAME, default=each.default, annotation=each.annotation)
            for each in declared_options(declared)
        ]
        called.__signature__ = inspect.Signature([context, *options])  # type: ignore[attr-defined]  # typer reads it
        return called

    return give
