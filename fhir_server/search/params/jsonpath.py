"""The path of a search parameter as PostgreSQL's SQL/JSON path, over a stored body.

https://www.postgresql.org/docs/current/functions-json.html#FUNCTIONS-SQLJSON-PATH

In lax mode, which is the default, arrays on the way are unwrapped, as FHIRPath does it.
"""

import json

from fhir_server.search.params.paths import Path


def jsonpath(path: Path, *below: str, each: bool = False) -> str:
    """An SQL literal: the elements at `path`, then the properties `below` them; `each` of a list that they end in."""
    steps = []
    for step in path.steps:
        steps.append(_property(step.name))
        if step.where is not None:
            name, value = step.where
            steps.append(f" ? (@{_property(name)} == {json.dumps(value)})")
    if path.only is not None:
        steps.append(
            f' ? (@."type" == "{path.only}" || @."reference" like_regex "(^|/){path.only}/[A-Za-z0-9.-]+($|/_history/)")'
        )
    text = "".join((*steps, *map(_property, below), "[*]" if each else ""))
    return "'$" + text.replace("'", "''").replace("%", "%%") + "'::jsonpath"


def _property(name: str) -> str:
    return "".join(f'."{part}"' for part in name.split("."))
