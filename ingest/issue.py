"""One thing to say about a reading, and the OperationOutcome that says it.

https://hl7.org/fhir/R4/operationoutcome.html
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import orjson

Severity = Literal["fatal", "error", "warning", "information"]


@dataclass(frozen=True, slots=True)
class Issue:
    """One `OperationOutcome.issue`: `element` is the reading's own (`data.spo2`, `timestamp`), None where none is to blame."""

    code: str
    diagnostics: str
    element: str | None = None
    severity: Severity = "error"


def outcome(issues: Iterable[Issue]) -> bytes:
    """The OperationOutcome of `issues` as JSON."""
    return orjson.dumps({"resourceType": "OperationOutcome", "issue": [_tree(issue) for issue in issues]})


def _tree(issue: Issue) -> dict[str, object]:
    tree: dict[str, object] = {
        "severity": issue.severity,
        "code": issue.code,
        "diagnostics": issue.diagnostics,
    }
    if issue.element is not None:
        tree["expression"] = [issue.element]
    return tree
