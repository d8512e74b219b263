"""The JSONPath of a template as JMESPath, as far as both say the same.

https://www.rfc-editor.org/rfc/rfc9535; https://jmespath.org/specification.html
"""

import re
from typing import Final

from mappers.errors import NotSelectable
from mappers.iomt.templates import Expression
from mappers.selection import selection

_STEP: Final = re.compile(
    r"""\.(?P<name>[A-Za-z_][A-Za-z0-9_-]*)|\[(?P<index>-?[0-9]{1,9})\]|\[(?:'(?P<single>[^'\\"]+)'|"(?P<double>[^"\\]+)")\]"""
)
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ANYWHERE: Final = re.compile(r"\$\.\.\[\?\(.*\)\]|\$|@|to_array\(@\)\[\?.*\]|to_array\(@\)")
_LIST: Final = re.compile(r"(?P<list>\$?[^*?]*?)\[(?:\*|\?.*)\]")


def path(expression: Expression) -> str | None:
    """The JMESPath of what the expression selects in the message that was matched, None where it cannot be said."""
    text = expression.text
    if expression.language.lower() == "jmespath":
        found = text.removeprefix("@.").removeprefix("matchedToken.")
    else:
        steps = _steps(text)
        if steps is None:
            return None
        found = steps.removeprefix("matchedToken.")
    found = found.removeprefix("Body.")
    try:
        selection(found)
    except NotSelectable:
        return None
    return found


def readings(match: Expression) -> str | None:
    """The path of the list that holds the readings, empty where the message is one; None where it cannot be said."""
    text = match.text.strip()
    if _ANYWHERE.fullmatch(text):
        return ""
    held = _LIST.fullmatch(text)
    if held is None:
        return None
    if match.language.lower() == "jmespath":
        return path(Expression(held["list"], match.language))
    return "" if held["list"] == "$" else path(Expression(held["list"], match.language))


def _steps(text: str) -> str | None:
    if not text.startswith("$") or len(text) < 2:
        return None
    said, position = "", 1
    while position < len(text):
        step = _STEP.match(text, position)
        if step is None:
            return None
        said += _step(step, first=not said)
        position = step.end()
    return said


def _step(step: "re.Match[str]", *, first: bool) -> str:
    if step["index"] is not None:
        return f"[{step['index']}]"
    name = step["name"] or step["single"] or step["double"]
    quoted = name if _PLAIN.fullmatch(name) else f'"{name}"'
    return quoted if first else f".{quoted}"
