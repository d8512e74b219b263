"""What device content and FHIR mapping templates say, read as far as a device type can say it.

https://github.com/microsoft/iomt-fhir/blob/main/docs/Configuration.md
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from mappers.errors import InvalidTemplate

Tree: TypeAlias = dict[str, object]

_COLLECTIONS: Final = frozenset({"CollectionContent", "CollectionFhir", "CollectionContentTemplate"})


@dataclass(frozen=True, slots=True)
class Code:
    """One code as a template has it; nothing of it is believed."""

    system: str
    code: str
    display: str


@dataclass(frozen=True, slots=True)
class Expression:
    """Where something stands, and in which language that is said."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Selected:
    """A value that a device content template selects."""

    name: str
    at: Expression
    required: bool


@dataclass(frozen=True, slots=True)
class Content:
    """A device content template: which messages are of this type, and where they have what."""

    type: str
    match: Expression
    device: Expression | None
    patient: Expression | None
    time: Expression | None
    values: tuple[Selected, ...]


@dataclass(frozen=True, slots=True)
class Coded:
    """A value that a FHIR mapping template gives codes and a unit; `panel` are those of what it is a component of."""

    type: str
    name: str
    codes: tuple[Code, ...]
    panel: tuple[Code, ...]
    unit: str
    value_type: str


def contents_and_codes(name: str, text: str) -> tuple[tuple[Content, ...], tuple[Coded, ...]]:
    """What the template in `text`, the file `name`, says. Raises InvalidTemplate if it is no JSON of that form."""
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidTemplate(f"{name} is not JSON: {error}. Give a template of iomt-fhir.") from error
    contents: list[Content] = []
    codes: list[Coded] = []
    for kind, template in _templates(tree, name):
        if isinstance(template.get("values"), list) or "typeMatchExpression" in template:
            contents.append(_content(template, kind, name))
        else:
            codes.extend(_codes(template, name))
    return tuple(contents), tuple(codes)


def _templates(tree: object, name: str) -> Iterator[tuple[str, Tree]]:
    if not isinstance(tree, dict) or not isinstance(tree.get("templateType"), str):
        raise InvalidTemplate(f"{name} is no template of iomt-fhir: it has no `templateType`.")
    kind, inner = tree["templateType"], tree.get("template")
    if kind in _COLLECTIONS:
        for each in _list(inner, name, "template"):
            yield from _templates(each, name)
    elif isinstance(inner, dict):
        yield kind, inner
    else:
        raise InvalidTemplate(f"{name} has a {kind} whose `template` is no object.")


def _content(template: Tree, kind: str, name: str) -> Content:
    stated = template.get("defaultExpressionLanguage")
    language = stated if isinstance(stated, str) else "JsonPath"
    match = _expression(template, "typeMatchExpression", language)
    if match is None:
        raise InvalidTemplate(f"{name} has a {kind} without `typeMatchExpression`.")
    return Content(
        type=_text(template, "typeName"),
        match=match,
        device=_expression(template, "deviceIdExpression", language),
        patient=_expression(template, "patientIdExpression", language),
        time=_expression(template, "timestampExpression", language),
        values=tuple(
            _selected(each, language, name) for each in _list(template.get("values"), name, "values")
        ),
    )


def _selected(value: object, language: str, name: str) -> Selected:
    at = _expression(value, "valueExpression", language) if isinstance(value, dict) else None
    if not isinstance(value, dict) or at is None or not _text(value, "valueName"):
        raise InvalidTemplate(f"{name} has a value without `valueName` or `valueExpression`.")
    return Selected(_text(value, "valueName"), at, str(value.get("required", "")).lower() == "true")


def _expression(template: Tree, member: str, language: str) -> Expression | None:
    """Under `member` stands the expression, or an object that says its language too."""
    value = template.get(member)
    if isinstance(value, dict):
        language = _text(value, "language") or language
        value = value.get("value")
    return Expression(value, language) if isinstance(value, str) and value else None


def _codes(template: Tree, name: str) -> Iterator[Coded]:
    type, codes = _text(template, "typeName"), _code_list(template, name)
    if isinstance(value := template.get("value"), dict):
        yield _coded(type, value, codes, ())
    if template.get("components") is not None:
        for each in _list(template.get("components"), name, "components"):
            if isinstance(each, dict) and isinstance(value := each.get("value"), dict):
                yield _coded(type, value, _code_list(each, name), codes)


def _coded(type: str, value: Tree, codes: tuple[Code, ...], panel: tuple[Code, ...]) -> Coded:
    return Coded(
        type, _text(value, "valueName"), codes, panel, _text(value, "unit"), _text(value, "valueType")
    )


def _code_list(template: Tree, name: str) -> tuple[Code, ...]:
    return tuple(
        Code(_text(each, "system"), _text(each, "code"), _text(each, "display"))
        for each in _list(template.get("codes", []), name, "codes")
        if isinstance(each, dict)
    )


def _list(value: object, name: str, member: str) -> list[object]:
    if not isinstance(value, list):
        raise InvalidTemplate(f"{name} has a `{member}` that is no list.")
    return value


def _text(template: Tree, member: str) -> str:
    value = template.get(member)
    return value.strip() if isinstance(value, str) else ""
