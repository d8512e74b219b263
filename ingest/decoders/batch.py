"""A request body as its single readings: one object, an array, NDJSON, or records by the name of their type.

https://github.com/ndjson/ndjson-spec; https://www.rfc-editor.org/rfc/rfc8259
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

import jiter

from ingest.errors import TooLarge, Unreadable
from ingest.issue import Issue

Tree: TypeAlias = dict[str, object]

_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)
_MEMBER: Final = re.compile(rb'\s*("(?:[^"\\]|\\.)*")\s*:\s*(.*)', re.DOTALL)
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


@dataclass(frozen=True)
class Batch:
    """The readings of a body in order; one that cannot be read is the Issue that says why.

    `names` are those that records stand under, where the body is an object of lists.
    """

    body: bytes
    items: tuple[Tree | Issue, ...]
    is_array: bool = False
    lines: Sequence[bytes] | None = None
    names: tuple[str, ...] | None = None

    def raw(self, index: int) -> bytes:
        """The bytes of one reading as they came; those of a record within the name it stood under."""
        if self.lines is not None:
            return self.lines[index]
        if self.names is not None:
            return self._records[index]
        return self._elements[index] if self.is_array else self.body

    @cached_property
    def _elements(self) -> tuple[bytes, ...]:
        return tuple(elements(self.body))

    @cached_property
    def _records(self) -> tuple[bytes, ...]:
        return tuple(_records(self.body))


def json_batch(body: bytes, limit: int) -> Batch:
    """The one reading, or the readings of the array, in `body`.

    Raises Unreadable when the body as a whole is not JSON, TooLarge for more than `limit` readings.
    """
    try:
        tree = parsed(body)
    except ValueError as error:
        return _piecewise(body, limit, error)
    if isinstance(tree, list):
        check_count(len(tree), limit)
        return Batch(body, tuple(_item(each) for each in tree), is_array=True)
    return Batch(body, (_item(tree),))


def ndjson_batch(body: bytes, limit: int) -> Batch:
    """One reading per line that is not empty; a line that is not JSON is an Issue and spoils no other line."""
    lines = tuple(line for line in body.split(b"\n") if line.strip())
    check_count(len(lines), limit)
    return Batch(body, tuple(_alone(line) for line in lines), lines=lines)


def named_batch(body: bytes, limit: int) -> Batch:
    """The records of `{type: [record, …], …}`, each as a body of its own: `{type: [record]}`.

    Raises Unreadable when the body is no such object, TooLarge for more than `limit` records.
    """
    try:
        tree = parsed(body)
    except ValueError as error:
        raise Unreadable(f"The body is not JSON: {error}. Send records by the name of their type.") from error
    if not isinstance(tree, dict):
        raise Unreadable("The body is not an object. Send lists of records by the name of their type.")
    records = [
        (name, each) for name, sent in tree.items() for each in (sent if isinstance(sent, list) else [sent])
    ]
    check_count(len(records), limit)
    items: tuple[Tree, ...] = tuple({name: [each]} for name, each in records)
    return Batch(body, items, is_array=True, names=tuple(name for name, _ in records))


def elements(body: bytes) -> Iterator[bytes]:
    """The texts between the outermost brackets and commas of a JSON array."""
    depth, start = 0, 0
    for token in _TOKEN.finditer(body):
        sign = token.group()
        if sign in b"[{":
            depth += 1
            if depth == 1:
                start = token.end()
        elif sign in b"]}":
            depth -= 1
            if depth == 0 and body[start : token.start()].strip():
                yield body[start : token.start()].strip()
        elif sign == b"," and depth == 1:
            yield body[start : token.start()].strip()
            start = token.end()


def member(text: bytes, name: str) -> bytes | None:
    """The bytes of the member `name` of the object in `text`, which was parsed; None where it has none."""
    for each in elements(text):
        parts = _MEMBER.fullmatch(each)
        assert parts is not None, "a member of an object that was parsed has a name"
        if jiter.from_json(parts[1]) == name:
            return parts[2].strip()
    return None


def _records(body: bytes) -> Iterator[bytes]:
    """Each record of an object of lists, alone under its name."""
    for member in elements(body):
        parts = _MEMBER.fullmatch(member)
        assert parts is not None, "a member of an object that was parsed has a name"
        name, sent = parts.groups()
        for record in elements(sent) if sent.startswith(b"[") else (sent,):
            yield b"{%b:[%b]}" % (name, record)


def _piecewise(body: bytes, limit: int, error: ValueError) -> Batch:
    """The readings of an array of which some are not JSON, if its brackets still tell where each ends."""
    text = body.strip()
    pieces = tuple(elements(text)) if text[:1] == b"[" and text[-1:] == b"]" else ()
    check_count(len(pieces), limit)
    items = tuple(_alone(piece) for piece in pieces)
    if not any(isinstance(item, dict) for item in items):
        raise Unreadable(f"The body is not JSON: {error}. Send one reading, an array or NDJSON.") from error
    return Batch(body, items, lines=pieces)


def _alone(text: bytes) -> Tree | Issue:
    try:
        return _item(parsed(text))
    except ValueError as error:
        return Issue("structure", f"The reading is not JSON: {error}.")


def parsed(text: bytes) -> object:
    """The JSON in `text`, numbers exact. Raises ValueError for anything else, for two members of one name and for U+0000."""
    if b"\\u0000" in text and _NUL.search(text):
        raise ValueError("it holds the character U+0000")
    return jiter.from_json(
        text, allow_inf_nan=False, cache_mode="keys", catch_duplicate_keys=True, float_mode="decimal"
    )


def _item(tree: object) -> Tree | Issue:
    if isinstance(tree, dict):
        return tree
    return Issue("structure", "The reading is not a JSON object. Send {…}.")


def check_count(count: int, limit: int) -> None:
    """Nothing; raises TooLarge for more than `limit` readings."""
    if count > limit:
        raise TooLarge(f"The request holds {count} readings. Send at most {limit} at once.")
