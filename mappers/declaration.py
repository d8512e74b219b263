"""YAML read strictly: every mistake is reported with its file and line.

https://yaml.org/spec/1.2.2/
"""

from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from importlib.resources.abc import Traversable
from typing import Final, ParamSpec, TypeVar

import yaml

from mappers.errors import InvalidDeclaration

P = ParamSpec("P")
T = TypeVar("T")
U = TypeVar("U")

_BOOLEANS: Final = {"true": True, "false": False}


class Declaration:
    """One YAML mapping whose keys must all be asked for; `close` refuses the rest.

    What is read by `gathered` goes on after a mistake; `finish` raises all of these, in this mapping and those within.
    """

    __slots__ = ("_asked", "_entries", "_lines", "_mistakes", "_source", "line")

    def __init__(
        self, node: yaml.Node | None, source: str, mistakes: list[InvalidDeclaration] | None = None
    ) -> None:
        self._source = source
        self._mistakes = [] if mistakes is None else mistakes
        self.line = 1 if node is None else node.start_mark.line + 1
        self._lines: dict[str, int] = {}
        self._entries = self._read(node)
        self._asked: set[str] = set()

    @property
    def mistakes(self) -> int:
        """How many were gathered by now."""
        return len(self._mistakes)

    @property
    def keys(self) -> frozenset[str]:
        """Every key there is."""
        return frozenset(self._entries)

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
        return tuple(Declaration(item, self._source, self._mistakes) for item in self._sequence(key))

    def child(self, key: str) -> "Declaration | None":
        """The mapping under `key`, None if absent. Raises InvalidDeclaration for anything else."""
        node = self._take(key)
        return None if node is None else Declaration(node, self._source, self._mistakes)

    def entries(self) -> "Iterator[tuple[str, Declaration]]":
        """Each key with the mapping under it. Raises InvalidDeclaration where a value is not a mapping."""
        for key, node in self._entries.items():
            self._asked.add(key)
            yield key, Declaration(node, self._source, self._mistakes)

    def sound_entries(self) -> "Iterator[tuple[str, Declaration]]":
        """Each key with the mapping under it; a value that is no mapping is a mistake, and left out."""
        for key, node in self._entries.items():
            self._asked.add(key)
            entry = self.gathered(None, Declaration, node, self._source, self._mistakes)
            if entry is not None:
                yield key, entry

    def text_entries(self) -> Iterator[tuple[str, str]]:
        """Each key with its text. Raises InvalidDeclaration where a value is not plain."""
        for key, node in self._entries.items():
            self._asked.add(key)
            yield key, self._scalar(node, key)

    def close(self) -> None:
        """Nothing. Raises InvalidDeclaration for the keys that nobody asked for."""
        known = ", ".join(sorted(self._asked))
        unknown = [
            self.error(f"`{key}` is unknown here. Known are: {known}.", key)
            for key in self._entries
            if key not in self._asked
        ]
        if unknown:
            raise _joined(unknown)

    def gathered(self, otherwise: U, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | U:
        """What `read` gives for these arguments; `otherwise` where that is a mistake, which `finish` will raise."""
        try:
            return read(*args, **kwargs)
        except InvalidDeclaration as error:
            self.mistaken(error)
            return otherwise

    def mistaken(self, mistake: InvalidDeclaration) -> None:
        """Keeps a mistake that nothing else depends on, for `finish` to raise."""
        self._mistakes.append(mistake)

    def finish(self) -> None:
        """Nothing. Raises InvalidDeclaration with all mistakes that were gathered, each with its line."""
        if self._mistakes:
            raise _joined(self._mistakes)

    def error(self, text: str, key: str = "") -> InvalidDeclaration:
        """An InvalidDeclaration that says where, at `key` or where the mapping begins: `file, line n: text`."""
        line = self._lines.get(key, self.line)
        return InvalidDeclaration(f"{self._source}, line {line}: {text}", line)

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


def _joined(mistakes: list[InvalidDeclaration]) -> InvalidDeclaration:
    """All `mistakes` as one, in the order of their lines, each of them once."""
    in_order = sorted(mistakes, key=lambda each: each.line)
    return InvalidDeclaration("\n".join(dict.fromkeys(map(str, in_order))), in_order[0].line)


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
