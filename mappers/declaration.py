"""YAML read strictly: every mistake is reported with its file and line.

https://yaml.org/spec/1.2.2/
"""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from importlib.resources.abc import Traversable
from typing import Final

import yaml

from mappers.errors import InvalidDeclaration

_BOOLEANS: Final = {"true": True, "false": False}


class Declaration:
    """One YAML mapping whose keys must all be asked for; `close` refuses the rest."""

    __slots__ = ("_asked", "_entries", "_lines", "_source", "line")

    def __init__(self, node: yaml.Node | None, source: str) -> None:
        self._source = source
        self.line = 1 if node is None else node.start_mark.line + 1
        self._lines: dict[str, int] = {}
        self._entries = self._read(node)
        self._asked: set[str] = set()

    def text(self, key: str) -> str:
        """The text of `key`. Raises InvalidDeclaration if it is absent, empty or not a plain value."""
        value = self.optional_text(key)
        if value is None:
            raise self.error(f"`{key}` is missing. Add it.")
        return value

    def optional_text(self, key: str) -> str | None:
        """The text of `key`, None if absent. Raises InvalidDeclaration if it is empty or not a plain value."""
        node = self._take(key)
        return None if node is None else self._scalar(node, key)

    def one_of(self, key: str, choices: tuple[str, ...], default: str | None = None) -> str:
        """The text of `key` or `default`. Raises InvalidDeclaration if it is none of `choices`."""
        value = self.optional_text(key) or default or self.text(key)
        if value not in choices:
            raise self.error(f"`{key}: {value}` is unknown. Choose one of {', '.join(choices)}.", key)
        return value

    def number(self, key: str) -> Decimal:
        """The number of `key`, exact. Raises InvalidDeclaration if it is absent or no finite number."""
        text = self.text(key)
        try:
            value = Decimal(text)
        except InvalidOperation as error:
            raise self.error(f"`{key}: {text}` is not a number. Write digits.", key) from error
        if not value.is_finite():
            raise self.error(f"`{key}: {text}` is not finite. Write digits.", key)
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """The boolean of `key` or `default`. Raises InvalidDeclaration for anything but true and false."""
        text = self.optional_text(key)
        if text is None:
            return default
        if text not in _BOOLEANS:
            raise self.error(f"`{key}: {text}` is neither true nor false.", key)
        return _BOOLEANS[text]

    def texts(self, key: str) -> tuple[str, ...]:
        """The list of texts under `key`, empty if absent. Raises InvalidDeclaration for anything else."""
        return tuple(self._scalar(item, key) for item in self._sequence(key))

    def children(self, key: str) -> "tuple[Declaration, ...]":
        """The list of mappings under `key`, empty if absent. Raises InvalidDeclaration for anything else."""
        return tuple(Declaration(item, self._source) for item in self._sequence(key))

    def child(self, key: str) -> "Declaration | None":
        """The mapping under `key`, None if absent. Raises InvalidDeclaration for anything else."""
        node = self._take(key)
        return None if node is None else Declaration(node, self._source)

    def entries(self) -> "Iterator[tuple[str, Declaration]]":
        """Each key with the mapping under it. Raises InvalidDeclaration where a value is not a mapping."""
        for key, node in self._entries.items():
            self._asked.add(key)
            yield key, Declaration(node, self._source)

    def text_entries(self) -> Iterator[tuple[str, str]]:
        """Each key with its text. Raises InvalidDeclaration where a value is not plain."""
        for key, node in self._entries.items():
            self._asked.add(key)
            yield key, self._scalar(node, key)

    def close(self) -> None:
        """Nothing. Raises InvalidDeclaration for the first key that nobody asked for."""
        for key in self._entries:
            if key not in self._asked:
                known = ", ".join(sorted(self._asked))
                raise self.error(f"`{key}` is unknown here. Known are: {known}.", key)

    def error(self, text: str, key: str = "") -> InvalidDeclaration:
        """An InvalidDeclaration that says where, at `key` or where the mapping begins: `file, line n: text`."""
        return InvalidDeclaration(f"{self._source}, line {self._lines.get(key, self.line)}: {text}")

    def _take(self, key: str) -> yaml.Node | None:
        self._asked.add(key)
        return self._entries.get(key)

    def _sequence(self, key: str) -> list[yaml.Node]:
        node = self._take(key)
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            raise self.error(f"`{key}` is not a list.", key)
        return list(node.value)

    def _scalar(self, node: yaml.Node, key: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value:
            raise self.error(f"`{key}` is not a plain value.", key)
        return str(node.value)

    def _read(self, node: yaml.Node | None) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise self.error("this is not a mapping of keys to values.")
        entries: dict[str, yaml.Node] = {}
        for key_node, value in node.value:
            key = self._scalar(key_node, "key")
            self._lines[key] = key_node.start_mark.line + 1
            if key in entries:
                raise self.error(f"`{key}` stands twice. Remove one.", key)
            entries[key] = value
        return entries


def declaration(file: Traversable) -> Declaration:
    """The mapping that `file` holds. Raises InvalidDeclaration if it is not YAML or not a mapping."""
    return parse(file.read_text(encoding="utf-8"), file.name)


def parse(text: str, source: str) -> Declaration:
    """The mapping in `text`, which came from `source`. Raises InvalidDeclaration if it is not YAML or not a mapping."""
    try:
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InvalidDeclaration(f"{source}, line {line}: {error.problem}. Correct the YAML.") from error
    except yaml.reader.ReaderError as error:
        line = text.encode().count(b"\n", 0, error.position) + 1
        raise InvalidDeclaration(f"{source}, line {line}: {error.reason}. Remove the character.") from error
    return Declaration(node, source)
