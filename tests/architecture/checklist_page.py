"""docs/*-checklist.md: which test covers which item of the checklists: `python -m tests.architecture.checklist_page`.

https://docs.pytest.org/en/stable/how-to/mark.html
"""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_LISTS = ROOT / "tests" / "data" / "checklists"

_SMART = """# SMART and leaks, item by item

What SMART App Launch 2.2, OAuth and OpenID Connect ask of a server, and how others came to show what they should not have, each with
the tests that hold this server to it. The items are in `tests/data/checklists`; tests name theirs by `@pytest.mark.item`. This page is
made by `python -m tests.architecture.checklist_page`, and a test holds it to both: no item is without a test or a reason.
"""
_SUBSCRIPTIONS = """# Subscriptions, item by item

What R4 and the Subscriptions R5 Backport 1.1 ask of a server, and what this one promises of delivery, each with the tests that hold it
to that. The items are in `tests/data/checklists`; tests name theirs by `@pytest.mark.item`. This page is made by
`python -m tests.architecture.checklist_page`, and a test holds it to both: no item is without a test or a reason.
"""


@dataclass(frozen=True, slots=True)
class Page:
    """A page, and the names of the lists on it."""

    path: Path
    head: str
    lists: tuple[str, ...]


PAGES = (
    Page(ROOT / "docs" / "smart-checklist.md", _SMART, ("smart", "leaks")),
    Page(ROOT / "docs" / "subscriptions-checklist.md", _SUBSCRIPTIONS, ("subscriptions",)),
)


@dataclass(frozen=True, slots=True)
class Item:
    """An item under its heading; `reason` says why no test covers it."""

    heading: str
    id: str
    title: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Covering:
    """A test that names an item."""

    path: Path
    name: str


def items(page: Page) -> Iterator[Item]:
    """Every item of the page's lists, in order."""
    for name in page.lists:
        heading = ""
        for line in (_LISTS / f"{name}.txt").read_text(encoding="utf-8").splitlines():
            if line.startswith("#"):
                heading = line.removeprefix("#").strip()
            elif line:
                id, title, *reason = (part.strip() for part in line.split(" | "))
                yield Item(heading, id, title, " ".join(reason) or None)


def covering() -> Mapping[str, Sequence[Covering]]:
    """The tests by the item they name."""
    found = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for id in _named(node):
                    found[id].append(Covering(path.relative_to(ROOT), node.name))
    return found


def text(page: Page, tests: Mapping[str, Sequence[Covering]]) -> str:
    """The page, with the tests that cover its items."""
    parts, heading = [page.head], None
    for item in items(page):
        if item.heading != heading:
            heading = item.heading
            parts.append(f"\n## {heading}\n\n| item | what | tests |\n|---|---|---|\n")
        shown = "<br>".join(map(_link, tests.get(item.id, ()))) or item.reason or ""
        parts.append(f"| {item.id} | {item.title} | {shown} |\n")
    return "".join(parts)


def _named(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for decorator in node.decorator_list:
        match decorator:
            case ast.Call(func=ast.Attribute(attr="item"), args=[ast.Constant(value=str(id))]):
                yield id


def _link(test: Covering) -> str:
    words = test.name.removeprefix("test_").replace("_", " ")
    return f"[{words}](../{test.path.as_posix()})"


if __name__ == "__main__":
    tests = covering()
    for page in PAGES:
        page.path.write_text(text(page, tests), encoding="utf-8")
