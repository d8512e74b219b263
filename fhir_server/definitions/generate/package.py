"""The unpacked npm package that everything is generated from.

https://hl7.org/fhir/R4/downloads.html
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import orjson

# A parsed definition: its shape is R4's own, read by name in the modules beside this one.
Definition: TypeAlias = dict[str, Any]


class Package:
    """The definitions in one directory of JSON files, by resource type."""

    def __init__(self, directory: Path) -> None:
        manifest = directory / "package.json"
        if not manifest.is_file():
            raise SystemExit(f"{directory} holds no package.json. Name the unpacked package directory.")
        if orjson.loads(manifest.read_bytes()).get("version") != "4.0.1":
            raise SystemExit(f"{directory} is not version 4.0.1. Get hl7.fhir.r4.examples@4.0.1.")
        self._directory = directory

    def definitions(self, resource_type: str) -> Iterator[Definition]:
        """Each resource of that type, ordered by file name."""
        for path in sorted(self._directory.glob(f"{resource_type}-*.json")):
            resource: Definition = orjson.loads(path.read_bytes())
            if resource["resourceType"] == resource_type:
                yield resource
