"""The guard of every write: a resource is what R4 defines, or the answer says where it is not.

https://hl7.org/fhir/R4/validation.html

Most resources are accepted by the compiled schema in a microsecond or two. What the schema refuses, and what has
something in it that the schema cannot judge, is walked through element by element (`faults.py`).
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import islice
from typing import Any, Final

import jiter
import jsonschema_rs
import orjson

from fhir_server.errors import InvalidResource, Issue
from fhir_server.validation.faults import faults
from fhir_server.validation.rules import RULES
from fhir_server.validation.schema import schema

MOST_ISSUES: Final = 50

_DATA_TYPES_WITH_RULES: Final = frozenset({"Narrative", "Observation", "Period", "Range"})
_ALWAYS_WALKED: Final = frozenset(
    {name.partition(".")[0] for name in RULES} - _DATA_TYPES_WITH_RULES | {"Bundle", "Parameters"}
)
_ABSOLUTE_REFERENCE: Final = re.compile(rb'"reference"\s*:\s*"http')


def check(resource_type: str, text: bytes) -> None:
    """Nothing if `text`, JSON that `fhir_server.json.parse` took, is a valid resource of that type.

    Raises InvalidResource with every issue found (up to 50), each naming its element, otherwise.
    """
    twin = orjson.loads(text)
    accepted = _validator().is_valid({resource_type: twin})
    if accepted and not _needs_a_walk(resource_type, twin, text):
        return
    exact = jiter.from_json(text, float_mode="decimal")
    issues = tuple(islice(faults(resource_type, exact), MOST_ISSUES))
    if not issues and not accepted and b'"_' not in text:
        issues = tuple(_schema_issues(resource_type, twin))
    if issues:
        raise InvalidResource(issues[0].diagnostics, issues=issues)


def warm_up() -> None:
    """Compile the schema now, rather than in the first request."""
    _validator()


@cache
def _validator() -> jsonschema_rs.Validator:
    return jsonschema_rs.Draft202012Validator(schema(), pattern_options=jsonschema_rs.RegexOptions())


def _needs_a_walk(resource_type: str, twin: Mapping[str, Any], text: bytes) -> bool:
    """Whether something in the resource is beyond the schema; looked for in the text, since that is fast.

    Any: a parsed resource.
    """
    if resource_type in _ALWAYS_WALKED or b"\\" in text:
        return True
    return (
        b'"contained"' in text
        or b'"div"' in text
        or (b'"start"' in text and b'"end"' in text)
        or (b'"low"' in text and b'"high"' in text)
        or ("component" in twin and any(name.startswith("value") for name in twin))
        or b'"#' in text
        or _ABSOLUTE_REFERENCE.search(text) is not None
    )


def _schema_issues(resource_type: str, twin: Mapping[str, Any]) -> Iterable[Issue]:  # Any: a parsed resource
    """What the schema alone has against the resource: nothing is stored that either road refuses."""
    for error in islice(_validator().iter_errors({resource_type: twin}), 1):
        steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.instance_path[1:]]
        path = resource_type + "".join(steps)
        yield Issue("structure", f"{path}: does not have the structure that R4 defines. Correct it.", path)
