"""How a generated file is written: one entry a line, in a fixed order, with its source and licence.

https://hl7.org/fhir/R4/license.html
"""

from collections.abc import Mapping
from pathlib import Path

import orjson

HEADER = {
    "source": "hl7.fhir.r4.examples 4.0.1, http://hl7.org/fhir/R4, made by fhir_server.definitions.generate",
    "licence": "CC0-1.0",
}


def write(path: Path, entries: Mapping[str, object]) -> None:
    """`entries` as JSON at `path`, sorted by key, so that the same package always makes the same bytes."""
    lines = [f"{_json(key)}:{_json(value)}" for key, value in HEADER.items()]
    body = ",\n".join(f"{_json(key)}:{_json(entries[key])}" for key in sorted(entries))
    path.write_text("{" + ",\n".join(lines) + ',\n"entries":{\n' + body + "\n}}\n", encoding="utf-8")


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
