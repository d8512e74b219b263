"""A device type of ours that iomt-fhir templates say, and what of them is left out or doubtful.

https://github.com/microsoft/iomt-fhir/blob/main/docs/Configuration.md; docs/devices.md, "Importing"
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from mappers.declaration import parse
from mappers.errors import InvalidDeclaration, InvalidTemplate
from mappers.iomt.metric_of import Found, metric_of
from mappers.iomt.paths import path, readings
from mappers.iomt.templates import Coded, Content, Expression, Selected, contents_and_codes
from mappers.profiles import own_profile

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_KEYWORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


@dataclass(frozen=True, slots=True)
class Imported:
    """The YAML of a device type, and what to look at before it is used."""

    text: str
    warnings: tuple[str, ...]


def imported_type(key: str, files: Iterable[tuple[str, str]]) -> Imported:
    """The device type called `key` that the template `files`, names with texts, say together.

    No code stands in it: a value whose code, unit and name do not agree on one metric of the registry is left out with a
    warning. Raises InvalidTemplate for a file that is no template.
    """
    contents: list[Content] = []
    codes: list[Coded] = []
    for name, text in files:
        selected, coded = contents_and_codes(name, text)
        contents.extend(selected)
        codes.extend(coded)
    if not contents and not codes:
        raise InvalidTemplate(
            "The templates hold neither device content nor a FHIR mapping. Give at least one."
        )
    writer = _Writer(key)
    writer.shape(contents)
    writer.fields(contents, codes)
    return writer.imported()


class _Writer:
    def __init__(self, key: str) -> None:
        self._key = key
        self._lines = [
            f"# Made of iomt-fhir templates. Prove it: fhir-server profile check {key}.yaml",
            f"text: {_quoted(key.replace('-', ' ').capitalize() or key)}",
            'version: "1"',
            "sequence: optional",
        ]
        self._warnings: list[str] = []
        self._taken: set[str] = set()
        self._metrics: dict[str, str] = {}
        self._alone = False

    def shape(self, contents: Sequence[Content]) -> None:
        """The section `shape:`, where there are device content templates."""
        if not contents:
            return
        self._lines.append("shape:")
        where = {readings(each.match) for each in contents}
        if where == {None} or len(where) > 1:
            self._doubt("the templates match different parts of a message: `readings` is left out. Set it.")
        elif held := where.pop():
            self._lines.append(f"  readings: {_quoted(held)}")
        for member, said in (
            ("time", [each.time for each in contents]),
            ("device", [each.device for each in contents]),
            ("patient", [each.patient for each in contents]),
        ):
            self._place(member, [each for each in said if each is not None])

    def fields(self, contents: Sequence[Content], codes: Sequence[Coded]) -> None:
        """The section `fields:`; a value that has no metric is a comment."""
        self._lines.append("fields:")
        self._alone = len(contents) == 1
        selected = {(each.type, value.name): value for each in contents for value in each.values}
        for coded in codes:
            at = selected.pop((coded.type, coded.name), None)
            if contents and at is None:
                self._doubt(f"{_name(coded.type, coded.name)}: no device content template selects it.")
            else:
                self._field(coded, at)
        for type, name in selected:
            self._doubt(f"{_name(type, name)}: no FHIR mapping template gives it a code.")
            self._lines.append(f"  # {_comment(name)}: has no code")

    def imported(self) -> Imported:
        """What was written; when it is not sound yet, the last warning says where."""
        text = "\n".join(self._lines) + "\n"
        try:
            own_profile(self._key, parse(text, f"{self._key}.yaml"))
        except InvalidDeclaration as error:
            self._doubt(f"not sound yet: {error}")
        return Imported(text, tuple(self._warnings))

    def _place(self, member: str, said: Sequence[Expression]) -> None:
        if not said:
            if member == "time":
                self._doubt("no template says when: set `time` to its path.")
                self._lines.append("  # time: the path of the time of measurement")
            return
        if len({each.text for each in said}) > 1:
            self._doubt(f"the templates have the {member} in different places: {said[0].text} is taken.")
        found = path(said[0])
        if found is None:
            self._doubt(f"{member}: {said[0].text!r} cannot be said as a path here.")
            self._lines.append(f"  # {member}: {_comment(said[0].text)}")
        else:
            self._lines.append(f"  {member}: {_quoted(found)}")

    def _field(self, coded: Coded, at: Selected | None) -> None:
        name, found = _name(coded.type, coded.name), metric_of(coded)
        self._warnings.extend(f"{name}: {each}" for each in found.warnings)
        if found.metric is None:
            self._lines.append(f"  # {_comment(coded.name)}: no metric is sure; see the warnings")
        elif found.metric.key in self._metrics:
            self._doubt(f"{name}: {self._metrics[found.metric.key]} is {found.metric.key} already.")
        else:
            self._written(coded, at, found)

    def _written(self, coded: Coded, at: Selected | None, found: Found) -> None:
        assert found.metric is not None, "the caller looked"
        name = coded.name if coded.name not in self._taken else f"{coded.type}.{coded.name}"
        self._taken.add(name)
        self._metrics[found.metric.key] = name
        self._lines += [f"  {_quoted(name)}:", f"    metric: {found.metric.key}"]
        if found.unit is not None:
            self._lines.append(f"    unit: {_quoted(found.unit)}")
        if at is not None and at.required and self._alone:
            self._lines.append("    required: true")
        if at is not None:
            said = path(at.at)
            if said is None:
                self._doubt(f"{_name(coded.type, coded.name)}: {at.at.text!r} cannot be said as a path here.")
                self._lines.append(f"    # path: {_comment(at.at.text)}")
            else:
                self._lines.append(f"    path: {_quoted(said)}")

    def _doubt(self, text: str) -> None:
        self._warnings.append(text)


def _name(type: str, name: str) -> str:
    return name if type in ("", name) else f"{type}.{name}"


def _quoted(text: str) -> str:
    """`text` as a YAML scalar; a JSON string is one."""
    return text if _PLAIN.fullmatch(text) and text.lower() not in _KEYWORDS else json.dumps(text)


def _comment(text: str) -> str:
    return " ".join(text.split())
