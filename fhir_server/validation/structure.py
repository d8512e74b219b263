"""The guard of every write: a resource is what R4 defines, or the answer says where it is not.

https://hl7.org/fhir/R4/validation.html

Most resources are accepted by the compiled schema in a few microseconds. The others are walked through element by
element, which finds every fault, or none.
"""

from itertools import islice
from typing import Final

import jiter
import orjson

from fhir_server.errors import InvalidResource
from fhir_server.validation.faults import faults
from fhir_server.validation.schema import accepts

MOST_ISSUES: Final = 50


def check(resource_type: str, text: bytes) -> None:
    """Nothing if `text`, JSON that `fhir_server.json.parse` took, is a valid resource of that type.

    Raises InvalidResource with every issue found (up to 50), each naming its element, otherwise.
    """
    if accepts(resource_type, orjson.loads(text)):
        return
    exact = jiter.from_json(text, float_mode="decimal")
    issues = tuple(islice(faults(resource_type, exact), MOST_ISSUES))
    if issues:
        raise InvalidResource(issues[0].diagnostics, issues=issues)


def warm_up() -> None:
    """Compile the schema now, a third of a second, rather than in the first request."""
    accepts("Basic", {})
