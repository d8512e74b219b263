"""What became of a file, as it is told, and remembered for those who bring it again.

docs/ingest.md, "Files"
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ingest.answer import Result
from ingest.issue import Issue
from ingest.sink import Group

STATUSES: Final = ("created", "unchanged", "amended", "rejected")
MAX_REFERENCES: Final = 1_000
MAX_ISSUES: Final = 100
MAX_KINDS: Final = 200
MAX_ALIKE: Final = 3
"""How often a warning of one kind is said: the rest is the same again."""

Kind = tuple[str, str, str]
"""Type of resource, code, and what the code says."""


@dataclass(frozen=True, slots=True)
class Said:
    """An issue of one unit, and where in the file that stands."""

    where: str
    status: str
    issue: Issue


@dataclass(frozen=True, slots=True)
class FileSummary:
    """What became of a file: counts of its units by status, what was made of them, and where it broke if it did.

    `references` and `said` are bounded, the counts never; `seen` says that it was taken in before, and nothing was done.
    `zone` is the one that its times were taken to be of, where the file does not say.
    """

    name: str
    format: str | None
    sha256: str
    counts: Mapping[str, int]
    made: Mapping[Kind, int]
    references: tuple[str, ...] = ()
    left_out: int = 0
    said: tuple[Said, ...] = ()
    unsaid: int = 0
    notes: tuple[str, ...] = ()
    error: str | None = None
    seen: bool = False
    zone: str | None = None

    @property
    def is_complete(self) -> bool:
        """Whether all of the file is stored, so that nothing would come of bringing it again."""
        return self.error is None and not self.counts.get("rejected")

    @property
    def statuses(self) -> tuple[str, ...]:
        """What became of its units, each status once; `seen` where it was taken in before."""
        return ("seen",) if self.seen else tuple(each for each in STATUSES if self.counts.get(each))

    def tree(self) -> dict[str, object]:
        """The summary as JSON."""
        return {
            "file": self.name,
            "format": self.format,
            "sha256": self.sha256,
            "seen": self.seen,
            **{status: self.counts.get(status, 0) for status in STATUSES},
            "made": [
                {"type": type, "code": code, "display": display, "count": count}
                for (type, code, display), count in self.made.items()
            ],
            "references": list(self.references),
            "references_left_out": self.left_out,
            "issues": [_said(each) for each in self.said],
            "issues_left_out": self.unsaid,
            "notes": list(self.notes),
            **({} if self.zone is None else {"zone": self.zone}),
            **({} if self.error is None else {"error": self.error}),
        }


def unread(name: str, sha256: bytes, error: str, format: str | None = None) -> FileSummary:
    """The summary of a file of which nothing could be read."""
    return FileSummary(name, format, sha256.hex(), {}, {}, error=error)


@dataclass(slots=True)
class Tally:
    """What became of a file's units so far."""

    counts: Counter[str] = field(default_factory=Counter)
    made: Counter[Kind] = field(default_factory=Counter)
    references: list[str] = field(default_factory=list)
    left_out: int = 0
    said: list[Said] = field(default_factory=list)
    unsaid: int = 0
    warned: Counter[tuple[str, str | None]] = field(default_factory=Counter)

    def add(self, where: str, work: object, result: Result) -> None:
        """Counts one unit, what was to be stored of it, and what became of that."""
        self.counts[result.status] += 1
        room = MAX_REFERENCES - len(self.references)
        self.references += result.references[:room]
        self.left_out += max(0, len(result.references) - room)
        for issue in result.issues:
            self._say(Said(where, result.status, issue))
        if isinstance(work, Group) and result.status in ("created", "amended"):
            for draft in work.drafts:
                self._count(_kind(draft.resource))

    def _say(self, said: Said) -> None:
        alike = 0
        if said.issue.severity != "error":
            kind = said.issue.code, said.issue.element
            self.warned[kind] += 1
            alike = self.warned[kind]
        if alike > MAX_ALIKE or len(self.said) >= MAX_ISSUES:
            self.unsaid += 1
        else:
            self.said.append(said)

    def _count(self, kind: Kind) -> None:
        if kind in self.made or len(self.made) < MAX_KINDS:
            self.made[kind] += 1
        else:
            self.made[(kind[0], "", "others")] += 1

    def summary(
        self,
        name: str,
        format: str,
        sha256: bytes,
        notes: Sequence[str] = (),
        error: str | None = None,
        zone: str | None = None,
    ) -> FileSummary:
        """All that was counted, of the file of this name."""
        return FileSummary(
            name,
            format,
            sha256.hex(),
            dict(self.counts),
            dict(self.made),
            tuple(self.references),
            self.left_out,
            tuple(self.said),
            self.unsaid,
            tuple(notes),
            error,
            zone=zone,
        )


def remembered(tree: dict[str, object], name: str) -> FileSummary:
    """The summary that `tree` was made of, for the one who brings the file again under this name."""
    return FileSummary(
        name=name,
        format=str(tree["format"]),
        sha256=str(tree["sha256"]),
        counts={status: _number(tree[status]) for status in STATUSES},
        made={
            (str(each["type"]), str(each["code"]), str(each["display"])): _number(each["count"])
            for each in _trees(tree["made"])
        },
        references=tuple(map(str, _list(tree["references"]))),
        left_out=_number(tree["references_left_out"]),
        said=tuple(_unsaid(each) for each in _trees(tree["issues"])),
        unsaid=_number(tree["issues_left_out"]),
        notes=tuple(map(str, _list(tree["notes"]))),
        seen=True,
        zone=str(tree["zone"]) if "zone" in tree else None,
    )


def _kind(resource: Mapping[str, object]) -> Kind:
    """The resource's type, its first code, and the words for that."""
    type = str(resource["resourceType"])
    concept = resource.get("code") or resource.get("type")
    if not isinstance(concept, dict):
        return type, "", ""
    coding: Mapping[str, object] = next(iter(concept.get("coding", ())), {})
    return type, str(coding.get("code", "")), str(coding.get("display") or concept.get("text") or "")


def _said(said: Said) -> dict[str, object]:
    return {
        "where": said.where,
        "status": said.status,
        "severity": said.issue.severity,
        "code": said.issue.code,
        "element": said.issue.element,
        "text": said.issue.diagnostics,
    }


def _unsaid(tree: Mapping[str, object]) -> Said:
    element = tree["element"]
    severity = tree["severity"]
    issue = Issue(
        str(tree["code"]),
        str(tree["text"]),
        None if element is None else str(element),
        "warning" if severity == "warning" else "information" if severity == "information" else "error",
    )
    return Said(str(tree["where"]), str(tree["status"]), issue)


def _list(value: object) -> Iterable[object]:
    return value if isinstance(value, list) else ()


def _trees(value: object) -> Iterable[Mapping[str, object]]:
    return [each for each in _list(value) if isinstance(each, dict)]


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
