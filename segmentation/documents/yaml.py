"""YAML text to nodes that know their place, down to the characters within a scalar."""

import re
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from segmentation.documents.problems import DocumentError, Problem

_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)+")
_ESCAPED_SPACES = {"n", "t", "r", "v", "f", " ", "_", "N", "L", "P"}
_MERGE = "tag:yaml.org,2002:merge"
_ESCAPED_DIGITS = {"x": 2, "u": 4, "U": 8}


def read_text(path: str | Path, error: type[DocumentError] = DocumentError) -> str:
    """The text of a file.

    Raises:
        DocumentError: as ``error``: the file cannot be read or is not UTF-8.
    """
    file = str(path)
    try:
        data = Path(path).read_bytes()
    except OSError as problem:
        raise error([Problem(file, 1, 1, f"cannot be read: {problem.strerror or problem}")]) from problem
    try:
        return data.decode()
    except UnicodeDecodeError as problem:
        before = data[: problem.start]
        column = len(before[before.rfind(b"\n") + 1 :].decode(errors="replace")) + 1
        raise error([Problem(file, before.count(b"\n") + 1, column, f"not UTF-8: {problem.reason}")]) from None


def compose(text: str, file: str, error: type[DocumentError] = DocumentError) -> Node | None:
    """The root node of a YAML text, None for an empty one. Keys are not checked, aliases share their node, and what
    ``<<`` names is merged in.

    Raises:
        DocumentError: as ``error``: the text is no single YAML document; the parser stops at its first error.
    """
    try:
        root: Node | None = YAML(typ="safe", pure=True).compose(text)
        _merge(root, set())
    except MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line, column = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
        parts = [str(part) for part in (problem.context, problem.problem) if part]
        raise error([Problem(file, line, column, f"not valid YAML: {', '.join(parts)}")]) from None
    except ReaderError as problem:
        line, column = line_and_column(text, problem.position)
        message = f"not valid YAML: the character U+{ord(text[problem.position]):04X} is not allowed"
        raise error([Problem(file, line, column, message)]) from None
    except (YAMLError, RecursionError) as problem:
        what = "nested too deeply" if isinstance(problem, RecursionError) else str(problem)
        raise error([Problem(file, 1, 1, f"not valid YAML: {what}")]) from None
    return root


def _merge(node: Node | None, seen: set[int]) -> None:
    """Puts what ``<<`` names into the mappings below a node; a key of the mapping itself goes before one merged in."""
    if not isinstance(node, MappingNode | SequenceNode) or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, SequenceNode):
        for each in node.value:
            _merge(each, seen)
        return
    own, merged = [], []
    for key, value in node.value:
        _merge(value, seen)
        sources = value.value if isinstance(value, SequenceNode) else [value]
        if key.tag == _MERGE and all(isinstance(source, MappingNode) and source is not node for source in sources):
            merged += [pair for source in sources for pair in source.value]
        else:
            own.append((key, value))
    known = {key.value for key, _ in own if isinstance(key, ScalarNode)}
    for key, value in merged:
        if key.value not in known:
            known.add(key.value)
            own.append((key, value))
    node.value = own


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Both counting from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def place_within(text: str, node: ScalarNode, offset: int) -> tuple[int, int]:
    """The line and column in the YAML text of the character at ``offset`` of a scalar's value.

    Quotes, escapes, folded lines and indentation move characters but keep their order, so the n-th visible character
    of the value is the n-th visible one of the source. An offset at white space or at the end is moved to the next
    visible character, or to the last one where none follows.
    """
    start, end = node.start_mark.index, node.end_mark.index
    visible = _visible(text, start + _head(text[start:end], node.style), end, node.style)
    wanted = sum(1 for character in node.value[:offset] if not character.isspace())
    if not visible:
        return node.start_mark.line + 1, node.start_mark.column + 1
    line, column = line_and_column(text, visible[min(wanted, len(visible) - 1)])
    return line, column - (1 if line == 1 and text.startswith("\ufeff") else 0)


def _head(source: str, style: str | None) -> int:
    """The characters before the scalar's content: anchor and tag, the opening quote, a block's header line."""
    match = _PROPERTIES.match(source)
    head = match.end() if match else 0
    if style in ("|", ">"):
        return source.find("\n", head) + 1
    return head + (1 if style in ("'", '"') else 0)


def _visible(text: str, start: int, end: int, style: str | None) -> list[int]:
    """The offset in the text of every character that is not white space in the scalar's value, in order."""
    places: list[int] = []
    at = start
    while at < end:
        character = text[at]
        width, is_visible = 1, not character.isspace()
        if style == "'" and character == "'":
            width = 2
            is_visible = text[at : at + 2] == "''"
        elif style == '"' and character == '"':
            is_visible = False
        elif style == '"' and character == "\\":
            width, is_visible = _escape(text, at)
        if is_visible:
            places.append(at)
        at += width
    return places


def _escape(text: str, at: int) -> tuple[int, bool]:
    """The width of the escape that starts at a backslash, and whether it stands for a visible character."""
    code = text[at + 1]
    digits = _ESCAPED_DIGITS.get(code, 0)
    if digits:
        return 2 + digits, not chr(int(text[at + 2 : at + 2 + digits], 16)).isspace()
    return 2, code not in _ESCAPED_SPACES and not code.isspace()
