"""JSON in and out without losing a decimal digit.

https://hl7.org/fhir/R4/json.html#decimal: the precision of a decimal is significant, so numbers keep their text.
"""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import TypeAlias

import jiter
import orjson

from fhir_server.errors import InvalidJson

JsonNumber: TypeAlias = int | Decimal | jiter.LosslessFloat
JsonValue: TypeAlias = (
    dict[str, "JsonValue"] | list["JsonValue"] | str | int | Decimal | jiter.LosslessFloat | bool | None
)
JsonObject: TypeAlias = dict[str, JsonValue]
_Tree: TypeAlias = JsonObject | list[JsonValue]

MAX_DEPTH = 60
MAX_DIGITS = 40  # zeros before the first and after the last other digit do not count
MAX_EXPONENT = 250  # the example Observation/decimal of R4 goes to 245

_LONG = 64  # bits
_UNUSUAL_NUMBER = re.compile(rb"[0-9.]{40}|[0-9][eE]")
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NUMBER = re.compile(rb"-?([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?")
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKET = bytes(set(range(256)) - set(b"{}[]"))


def parse(text: bytes) -> JsonObject:
    """The JSON object in `text`; numbers with a point or exponent stay `LosslessFloat`.

    Raises InvalidJson for anything that is not one UTF-8 JSON object, and for what the database could not keep
    faithfully: duplicate keys, U+0000, numbers beyond 40 digits or exponents beyond ±250, nesting beyond 60.
    A number that was taken is also taken as the database writes it, without an exponent.
    """
    tree = _read(text, "object")
    if not isinstance(tree, dict):
        raise InvalidJson(f"The body is a JSON {_kind(tree)}. Send one JSON object.")
    _refuse_what_jsonb_cannot_keep(text, tree)
    return tree


def parse_array(text: bytes) -> list[JsonValue]:
    """The JSON array in `text`, its numbers exact Decimals; raises InvalidJson as `parse` does."""
    tree = _read(text, "array")
    if not isinstance(tree, list):
        raise InvalidJson(f"The body is a JSON {_kind(tree)}. Send one JSON array.")
    _refuse_what_jsonb_cannot_keep(text, tree)
    numbered: list[JsonValue] = jiter.from_json(text, cache_mode="keys", float_mode="decimal")
    return numbered


def stored(text: bytes | str) -> JsonObject:
    """The resource in `text`, which this server wrote itself and therefore reads whatever `parse` refuses by now."""
    tree: JsonObject = jiter.from_json(
        text.encode() if isinstance(text, str) else text, cache_mode="keys", float_mode="lossless-float"
    )
    return tree


def exact(text: bytes) -> JsonObject:
    """As `stored`, with numbers as Decimals, which are equal when they are numerically: `1.0` and `1.00`."""
    tree: JsonObject = jiter.from_json(text, cache_mode="keys", float_mode="decimal")
    return tree


def dumps(tree: object) -> bytes:
    """`tree` as compact JSON in UTF-8, each number with the digits it came with."""
    return _dumped(tree, None)


def pretty(tree: object) -> bytes:
    """`tree` as JSON indented by two spaces, for `_pretty=true`."""
    return _dumped(tree, orjson.OPT_INDENT_2)


def decimal(number: JsonNumber) -> Decimal:
    """`number` as an exact Decimal that keeps trailing zeros."""
    return number.as_decimal() if isinstance(number, jiter.LosslessFloat) else Decimal(number)


def _read(text: bytes, wanted: str) -> JsonValue:
    try:
        tree: JsonValue = jiter.from_json(
            text,
            allow_inf_nan=False,
            cache_mode="keys",
            catch_duplicate_keys=True,
            float_mode="lossless-float",
        )
    except ValueError as error:
        raise InvalidJson(f"The body is not JSON: {error}. Send one JSON {wanted} in UTF-8.") from error
    return tree


def _dumped(tree: object, option: int | None) -> bytes:
    try:
        return orjson.dumps(tree, default=_number, option=option)
    except orjson.JSONEncodeError:
        return orjson.dumps(_with_long_integers(tree), default=_number, option=option)


def _with_long_integers(node: object) -> object:
    """`node` with the integers of more than 64 bits, which orjson does not take, as their digits."""
    if isinstance(node, dict):
        return {key: _with_long_integers(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_with_long_integers(value) for value in node]
    if isinstance(node, int) and node.bit_length() >= _LONG:
        return orjson.Fragment(str(node))
    return node


def _number(value: object) -> orjson.Fragment:
    if isinstance(value, jiter.LosslessFloat):
        return orjson.Fragment(bytes(value))
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(str(value))
    raise TypeError(f"{type(value).__name__} is not a JSON value")


def _kind(tree: object) -> str:
    if tree is None:
        return "null"
    return {dict: "object", list: "array", str: "string", bool: "boolean"}.get(type(tree), "number")


def _refuse_what_jsonb_cannot_keep(text: bytes, tree: _Tree) -> None:
    if b"\\u0000" in text and _NUL.search(text):
        raise InvalidJson(f"{_path_of_nul(tree)}: the character U+0000 cannot be stored. Remove it.")
    bare = _without_strings(text)
    if _UNUSUAL_NUMBER.search(bare):
        for number in _NUMBER.finditer(bare):
            _refuse_unstorable(number, tree)
    _refuse_depth(bare)


def _without_strings(text: bytes) -> bytes:
    """JSON with its strings emptied; by far the quickest way is that of a text without escapes."""
    return _STRING.sub(b'""', text) if b"\\" in text else b'""'.join(text.split(b'"')[::2])


def _refuse_unstorable(number: re.Match[bytes], tree: _Tree) -> None:
    whole, fraction, exponent = number.groups(default=b"")
    digits, shift = whole + fraction, int(exponent.lstrip(b"+-0")[:9] or 0)
    if (
        len(digits.strip(b"0")) > MAX_DIGITS
        or shift > MAX_EXPONENT
        or len(digits) + shift > MAX_DIGITS + MAX_EXPONENT
    ):
        shown = number.group().decode()[:60]
        where = _path_of_number(tree, number.group())
        raise InvalidJson(
            f"{where}: the number {shown} is beyond {MAX_DIGITS} digits or exponent ±{MAX_EXPONENT}."
        )


def _refuse_depth(bare: bytes) -> None:
    """Takes the innermost brackets away, a level a round."""
    brackets = bare.translate(_SQUARE, _NO_BRACKET)
    for _ in range(MAX_DEPTH):
        if not brackets:
            return
        brackets = brackets.replace(b"[]", b"")
    if brackets:
        raise InvalidJson(f"The body is nested more than {MAX_DEPTH} levels deep. Flatten it.")


def _path_of_nul(tree: _Tree) -> str:
    return _find(tree, lambda leaf: isinstance(leaf, str) and "\0" in leaf)


def _path_of_number(tree: _Tree, text: bytes) -> str:
    return _find(
        tree,
        lambda leaf: (
            bytes(leaf) == text
            if isinstance(leaf, jiter.LosslessFloat)
            else isinstance(leaf, int) and not isinstance(leaf, bool) and str(leaf).encode() == text
        ),
    )


def _find(tree: _Tree, wanted: Callable[[JsonValue], bool]) -> str:
    root = tree.get("resourceType") if isinstance(tree, dict) else None
    for path, leaf in _leaves(tree, root if isinstance(root, str) else "body"):
        if wanted(leaf):
            return path
    return "A property name"


def _leaves(node: JsonValue, path: str) -> Iterator[tuple[str, JsonValue]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _leaves(value, f"{path}.{key}")
    elif isinstance(node, list):
        for position, value in enumerate(node):
            yield from _leaves(value, f"{path}[{position}]")
    else:
        yield path, node
