"""A write that an entry of a Bundle asks for, and what came of it.

https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.request
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from fhir_server.errors import Issue, RequestError
from fhir_server.interactions.condition import UNCONDITIONAL, Condition
from fhir_server.interactions.conditional import Query
from fhir_server.interactions.json_patch import JsonPatch
from fhir_server.interactions.written import Written
from fhir_server.json import JsonObject
from fhir_server.store.predicate import Predicate
from fhir_server.store.rows import Method, Version


@dataclass(frozen=True, slots=True)
class Change:
    """Entry `number`, counted from 0. `id` is what its address names; where there is none, a `query` finds the resource.

    The `query` of a POST is its If-None-Exist. `access` is the caller's for this interaction with this type.
    """

    number: int
    method: Method
    type: str
    access: Predicate
    base_url: str
    id: str | None = None
    query: Query | None = None
    condition: Condition = UNCONDITIONAL
    resource: JsonObject | None = None
    patch: JsonPatch | None = None
    full_url: str = ""

    @property
    def given_id(self) -> str | None:
        """The id that the body gives."""
        id = None if self.resource is None else self.resource.get("id")
        return id if isinstance(id, str) else None

    @property
    def label(self) -> str:
        """What it asks for, in words: `PUT Patient/5`."""
        return f"{self.method} {self.type}" + (f"/{self.id}" if self.id else "?" if self.query else "")


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of a DELETE: the deletion, or None when there was nothing."""

    version: Version | None


Outcome: TypeAlias = Written | Ended | Exception


def placed(error: RequestError, number: int, label: str, type: str = "") -> RequestError:
    """`error`, told as one of entry `number`: each text names it, each element of its resource stands below it."""
    where = f"Bundle.entry[{number}]"
    if not all((issue.expression or "").startswith(where) for issue in error.issues):
        error.issues = placed_issues(error.issues, number, label, type)
    return error


def placed_issues(issues: Sequence[Issue], number: int, label: str, type: str) -> tuple[Issue, ...]:
    """`issues`, told as those of entry `number`."""
    return tuple(
        Issue(
            issue.code,
            f"Entry {number} ({label[:100]}): {issue.diagnostics}",
            _expression(f"Bundle.entry[{number}]", type, issue.expression),
            issue.severity,
        )
        for issue in issues
    )


def _expression(where: str, type: str, expression: str | None) -> str:
    if expression is None:
        return where
    if expression.startswith("Bundle.entry"):
        return expression
    if type and (expression == type or expression.startswith(f"{type}.")):
        return f"{where}.resource{expression.removeprefix(type)}"
    return f"{where}.request"
