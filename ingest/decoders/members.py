"""A JSON object read strictly: every mistake becomes an issue that names the member, and so does every member unasked for.

https://www.rfc-editor.org/rfc/rfc8259#section-4
"""

from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from typing import Final

from ingest.issue import Issue
from mappers.errors import InvalidTime
from mappers.times import DeviceTime, device_time

_SHOWN: Final = 60
_LINE: Final = 256
_PROSE: Final = 4000
_BREAKS: Final = str.maketrans("", "", "\t\r\n")


class Members:
    """The members of one object at `path`; null counts as not sent. `close` says which ones nobody asked for."""

    __slots__ = ("_asked", "_issues", "_tree", "path")

    def __init__(self, tree: dict[str, object], path: str, issues: list[Issue]) -> None:
        self._tree = tree
        self._issues = issues
        self._asked: set[str] = set()
        self.path = path

    @property
    def tree(self) -> Mapping[str, object]:
        """The object as it was sent, for what is kept in words; asks for nothing."""
        return self._tree

    def __contains__(self, name: str) -> bool:
        """Whether the member was sent; asks for nothing."""
        return self._tree.get(name) is not None

    def at(self, name: str) -> str:
        """The path of a member, from the message's root."""
        return f"{self.path}.{name}" if self.path else name

    def value(self, name: str, *, required: bool = False) -> object:
        """What was sent under `name`, of whatever type; None, with an issue if it is required, where nothing was."""
        self._asked.add(name)
        found = self._tree.get(name)
        if found is None and required:
            self.refuse(name, "is missing. Send it.", "required")
        return found

    def object(self, name: str, *, required: bool = False) -> "Members | None":
        """The object under `name`; None, with an issue for anything else."""
        found = self.value(name, required=required)
        if found is None:
            return None
        if isinstance(found, dict):
            return Members(found, self.at(name), self._issues)
        self.refuse(name, "is not an object. Send {…}.", "structure")
        return None

    def objects(self, name: str, *, required: bool = False) -> "Iterator[Members]":
        """Each object of the list under `name`, with an issue for whatever is none."""
        found = self.value(name, required=required)
        if not isinstance(found, list):
            if found is not None:
                self.refuse(name, "is not a list. Send […].", "structure")
            return
        for position, each in enumerate(found):
            if isinstance(each, dict):
                yield Members(each, f"{self.at(name)}[{position}]", self._issues)
            else:
                self.refuse(f"{name}[{position}]", "is not an object. Send {…}.", "structure")

    def text(self, name: str, *, required: bool = False, longest: int = _LINE) -> str | None:
        """The text under `name`, of one line; None, with an issue for anything else."""
        found = self.value(name, required=required)
        if found is None:
            return None
        if isinstance(found, str) and found.strip() and found.isprintable() and len(found) <= longest:
            return found
        self.refuse(name, f"is not a text of 1 to {longest} printable characters.")
        return None

    def prose(self, name: str) -> str | None:
        """The text under `name`, which may have lines; None where there is nothing but spaces, or with an issue."""
        found = self.value(name)
        if found is None:
            return None
        if isinstance(found, str) and found.translate(_BREAKS).isprintable() and len(found) <= _PROSE:
            return found.strip() or None
        self.refuse(name, f"is not a text of at most {_PROSE} characters.")
        return None

    def choice(self, name: str, choices: Collection[str], *, required: bool = False) -> str | None:
        """The text under `name`, one of `choices`; None, with an issue for anything else."""
        found = self.value(name, required=required)
        if found is None or (isinstance(found, str) and found in choices):
            return found
        shown = repr(found[:_SHOWN]) if isinstance(found, str) else "no text"
        self.refuse(name, f"is {shown}. Send one of {', '.join(choices)}.", "code-invalid")
        return None

    def number(self, name: str, *, required: bool = False) -> int | Decimal | None:
        """The number under `name`, finite; None, with an issue for anything else."""
        found = self.value(name, required=required)
        if found is None or type(found) is int:
            return found
        if isinstance(found, Decimal) and found.is_finite():
            return found
        self.refuse(name, "is not a number. Send one, without quotation marks.")
        return None

    def time(self, name: str, *, required: bool = False) -> DeviceTime | None:
        """The ISO 8601 time under `name`; None, with an issue for anything else."""
        found = self.value(name, required=required)
        if found is None:
            return None
        if not isinstance(found, str):
            self.refuse(name, "is not a text. Send 2026-01-31T12:00:00Z.")
            return None
        try:
            return device_time(found, self.at(name))
        except InvalidTime as error:
            self._issues.append(Issue(error.code, error.text, error.element))
            return None

    def refuse(self, name: str, text: str, code: str = "value") -> None:
        """Nothing; notes that the member `name` is wrong: `text` goes on from its path."""
        self._issues.append(Issue(code, f"{self.at(name)} {text}", self.at(name)))

    def close(self) -> None:
        """Nothing; notes every member that nobody asked for."""
        for name in self._tree.keys() - self._asked:
            if self._tree[name] is not None:
                known = ", ".join(sorted(self._asked))
                self.refuse(name[:_SHOWN], f"is not known here. Known are {known}.", "structure")
