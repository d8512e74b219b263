"""What became of each reading, as the sender reads it.

docs/ingest.md, "Answers"
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import orjson

from ingest.issue import Issue, outcome

Status = Literal["created", "unchanged", "amended", "rejected"]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one reading: references to its resources, or why there are none; warnings also when there are."""

    status: Status
    references: tuple[str, ...] = ()
    issues: tuple[Issue, ...] = ()


def result_json(result: Result) -> bytes:
    """`{"status": …, "references": […], "outcome": {…}}`; `outcome` is there when there is something to say."""
    text = b'{"status":"%s","references":%s' % (result.status.encode(), orjson.dumps(result.references))
    if result.issues:
        return b'%s,"outcome":%s}' % (text, outcome(result.issues))
    return text + b"}"


def results_json(results: Sequence[Result]) -> bytes:
    """`{"results": […]}`, one for each reading in the order they came."""
    return b'{"results":[%s]}' % b",".join(map(result_json, results))


def named_results_json(names: Sequence[str], results: Sequence[Result]) -> bytes:
    """`{"results": {type: […]}}`, each where its record stood."""
    by_name: dict[str, list[bytes]] = {}
    for name, result in zip(names, results, strict=True):
        by_name.setdefault(name, []).append(result_json(result))
    lists = (b"%b:[%b]" % (orjson.dumps(name), b",".join(said)) for name, said in by_name.items())
    return b'{"results":{%b}}' % b",".join(lists)


def rejected_count(results: Sequence[Result]) -> int:
    """How many readings were rejected."""
    return sum(result.status == "rejected" for result in results)
