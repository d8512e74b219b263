"""The generated files beside this module.

https://hl7.org/fhir/R4/downloads.html
"""

from importlib.resources import files
from typing import Any

import orjson


# The files are made by this project's generator; each reader knows the shape of its own.
def entries(name: str) -> dict[str, Any]:
    """What the generated file `data/{name}.json` holds, without its header."""
    read: dict[str, Any] = orjson.loads((files(__package__) / "data" / f"{name}.json").read_bytes())[
        "entries"
    ]
    return read
