"""docs/map.md: where everything is, from what the modules say of themselves: `python -m tests.architecture.map_page`.

https://peps.python.org/pep-0257/
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "map.md"
PACKAGES = ("terminology", "mappers", "ingest", "smart_auth", "fhir_server")

_HEAD = """# Map

Where everything is. The lines below are the modules' own first lines, collected by `python -m tests.architecture.map_page`; a test
holds this page to them. Each module's second line gives the address of the standard's paragraph it implements.

Packages depend one way: `fhir_server` on `ingest` and `smart_auth`, these on `mappers`, that on `terminology`. Inside `fhir_server`
the order is `cli > demo > serve > app > rest > operations : bulk > interactions > subscriptions : validation > search > outcomes >
audit : store > definitions > errors, settings, clock, json`; upper may import lower, never back.

**A reading** goes `ingest/transports` (bytes, which device) → `ingest/decoders` (syntax) → `mappers` (codes, units, identity) →
`fhir_server/interactions/sink` (one transaction) → `fhir_server/store` → the answer, after the commit.

**A search** goes `fhir_server/search/parse` → `plan` (with `access`) → `compile` → `execute` → `bundle`.

**A caller** is whom `smart_auth/bearer` takes a token for (`principal`); `fhir_server/search/access` makes of them the one condition that
every read and write is held to, and `fhir_server/rest/audited` what the audit keeps before the answer.

**A token** goes `fhir_server/rest/smart/authorize` (the app's question) → `flow` (log in, choose, decide: a page each) →
`smart_auth/oauth/endpoints` (a code for tokens) → `fhir_server/store/smart`.

**A server** is one owner process (`fhir_server/serve/owner`) with its PostgreSQL (`fhir_server/store/embedded`) and workers
(`fhir_server/serve/worker`), each of which runs `fhir_server/app` on the shared socket.
"""


def modules() -> Iterator[Path]:
    """Every module of the project, by package and path, but for migrations."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "versions" not in path.parts:
                yield path.relative_to(ROOT)


def docstring(path: Path) -> str:
    """A module's docstring, empty when it has none."""
    return ast.get_docstring(ast.parse((ROOT / path).read_text(encoding="utf-8"))) or ""


def page() -> str:
    """docs/map.md."""
    parts = [_HEAD]
    folder = None
    for path in sorted(modules(), key=lambda path: (PACKAGES.index(path.parts[0]), path.parent, path.name)):
        first = docstring(path).partition("\n")[0]
        if path.parent != folder:
            folder = path.parent
            parts.append(f"\n## {folder}\n\n")
        if path.name == "__init__.py":
            parts.append(f"{first}\n\n" if first else "")
        else:
            parts.append(f"- `{path.stem}`: {first}\n")
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
