"""Options that are Beam's own: checked here, because Beam drops what it doesn't know."""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, NoReturn

from pipeline.options.errors import OptionError
from segmentation.documents.suggestions import did_you_mean

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions


class _BeamParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise OptionError(message.removeprefix("argument "))


def check_beam_args(arguments: tuple[str, ...], own: tuple[str, ...], *, flink: bool = False) -> None:
    """Beam itself drops what it doesn't know with a warning, so that a typing error would change a run unseen.

    ``own`` are the names that hints know besides those of Beam. ``flink``: its job server knows some more.

    Raises:
        OptionError: an option is unknown, or its value has the wrong type.
    """
    if not arguments:
        return
    # Beam takes seconds to import; most command lines have nothing for it.
    from apache_beam.options.pipeline_options import PipelineOptions

    parser = _BeamParser(prog="segments run", add_help=False, allow_abbrev=False, conflict_handler="resolve")
    for kind in sorted(set(_subclasses(PipelineOptions)), key=lambda kind: kind.__name__):
        kind._add_argparse_args(parser)  # type: ignore[arg-type]  # Beam's own parser has a private type
    if flink:
        from pipeline.runners.flink.known_options import FLINK_OPTIONS, Kind

        for option, kind_of_value in FLINK_OPTIONS.items():
            if f"--{option}" not in parser._option_string_actions:
                switch = kind_of_value in (Kind.SWITCH, Kind.OFF_SWITCH)
                parser.add_argument(f"--{option}", action="store_true" if switch else "store")
    parsed, unknown = parser.parse_known_args(list(arguments))
    if unknown:
        name = unknown[0].partition("=")[0]
        if not name.startswith("-"):
            raise OptionError(f"unexpected argument {name!r}; every value belongs to an option")
        known = [option for option in parser._option_string_actions if option.startswith("--")]
        hint = did_you_mean(name, [*own, *known])
        raise OptionError(f"{name}: there is no such option here or in Beam{hint}")
    if parsed.direct_running_mode == "multi_processing":
        raise OptionError("--direct_running_mode: multi_processing can't write local files; leave it out")


def _subclasses(kind: "type[PipelineOptions]") -> "Iterator[type[PipelineOptions]]":
    for each in kind.__subclasses__():
        yield each
        yield from _subclasses(each)
