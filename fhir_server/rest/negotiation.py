"""Which JSON media type a client sends and wants.

https://hl7.org/fhir/R4/http.html#mime-type
"""

import re
from functools import lru_cache
from typing import Final

from fhir_server.errors import NotAcceptable, UnsupportedMediaType

FHIR_JSON: Final = "application/fhir+json"
FORM: Final = "application/x-www-form-urlencoded"
PATCH: Final = "application/json-patch+json"
FORMATS: Final = (FHIR_JSON, "application/json", "text/json")

_SHORT: Final = {"json": FHIR_JSON} | {name: name for name in FORMATS} | {"application/fhir json": FHIR_JSON}
_RANGES: Final = {"*/*": FHIR_JSON, "application/*": FHIR_JSON, "text/*": "text/json"}
_PARAMETER = re.compile(r';\s*([^=;\s]+)\s*=\s*("[^"]*"|[^;\s]*)\s*')
_QUALITY = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


def accepted(accept: str | None, format_: str | None) -> str:
    """The media type to answer in; `_format` wins over the Accept header.

    Raises NotAcceptable when neither leaves one of FORMATS.
    """
    if format_ is not None:
        return _by_format(format_)
    return FHIR_JSON if accept is None else _by_accept(accept)


@lru_cache(maxsize=256)
def check_resource_type(content_type: str | None) -> None:
    """Nothing, when the body is announced as JSON in UTF-8. Raises UnsupportedMediaType otherwise."""
    name, parameters = _parsed(content_type or "")
    if name not in FORMATS:
        raise UnsupportedMediaType(
            f"Content-Type {_shown(content_type)} is not taken here. Send {', '.join(FORMATS)}."
        )
    _check_parameters(parameters)


def is_resource_type(content_type: str | None) -> bool:
    """Whether the body is announced as JSON, as a resource is."""
    return _parsed(content_type or "")[0] in FORMATS


@lru_cache(maxsize=256)
def names_fhir(accept: str) -> bool:
    """Whether an Accept header asks for FHIR's own format by name, rather than for anything or for something else."""
    return any(name.startswith("application/fhir+") and quality > 0 for name, quality in _ranked(accept))


@lru_cache(maxsize=256)
def check_form(content_type: str | None) -> None:
    """Nothing, when the body is announced as a form in UTF-8. Raises UnsupportedMediaType otherwise."""
    name, parameters = _parsed(content_type or "")
    if name != FORM:
        raise UnsupportedMediaType(f"Content-Type {_shown(content_type)} is not taken here. Send {FORM}.")
    _check_parameters(parameters)


@lru_cache(maxsize=256)
def check_patch(content_type: str | None) -> None:
    """Nothing, when the body is announced as a JSON Patch in UTF-8. Raises UnsupportedMediaType otherwise."""
    name, parameters = _parsed(content_type or "")
    if name != PATCH:
        raise UnsupportedMediaType(
            f"Content-Type {_shown(content_type)} is not taken here. Send a JSON Patch as {PATCH}; "
            "FHIRPath Patch and XML Patch are not served.",
            patches=(PATCH,),
        )
    _check_parameters(parameters)


@lru_cache(maxsize=256)
def takes_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header allows gzip.

    https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3
    """
    codings = dict(_ranked(accept_encoding))
    return codings.get("gzip", codings.get("x-gzip", codings.get("*", 0.0))) > 0


def _by_format(format_: str) -> str:
    name, parameters = _parsed(format_)
    if name not in _SHORT or not _serves(parameters):
        raise NotAcceptable(f"_format={format_[:80]!r} is not served. Ask for json.", "_format")
    return _SHORT[name]


@lru_cache(maxsize=256)
def _by_accept(accept: str) -> str:
    if not accept.strip():
        return FHIR_JSON
    ranked = _ranked(accept)
    refused = {name for name, quality in ranked if quality == 0}
    for name, quality in sorted(ranked, key=lambda pair: -pair[1]):
        chosen = name if name in FORMATS else _RANGES.get(name)
        if quality > 0 and chosen and chosen not in refused:
            return chosen
    raise NotAcceptable(
        f"Nothing that Accept {_shown(accept)} allows is served. Ask for {', '.join(FORMATS)}."
    )


def _ranked(header: str) -> list[tuple[str, float]]:
    ranked = []
    for part in header.split(","):
        name, parameters = _parsed(part)
        quality = parameters.pop("q", "1")
        if name and _QUALITY.fullmatch(quality) and _serves(parameters):
            ranked.append((name, float(quality)))
    return ranked


def _parsed(value: str) -> tuple[str, dict[str, str]]:
    name, semicolon, rest = value.partition(";")
    parameters = {key.lower(): text.strip('"') for key, text in _PARAMETER.findall(semicolon + rest)}
    return name.strip().lower(), parameters


def _serves(parameters: dict[str, str]) -> bool:
    """Whether a media type's parameters ask for what is served.

    https://hl7.org/fhir/R4/http.html#version-parameter
    """
    charset = parameters.get("charset", "utf-8").lower()
    return charset in ("utf-8", "utf8") and parameters.get("fhirversion", "4.0") in ("4.0", "4.0.1")


def _check_parameters(parameters: dict[str, str]) -> None:
    if not _serves(parameters):
        raise UnsupportedMediaType(
            "Only charset=utf-8 and fhirVersion=4.0 are taken. Correct the Content-Type."
        )


def _shown(header: str | None) -> str:
    return "(none)" if header is None else repr(header[:80])
