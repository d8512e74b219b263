"""docs/search-parameters.md: every search parameter of every type, from the catalog: `python -m tests.architecture.search_page`.

https://hl7.org/fhir/R4/searchparameter-registry.html
"""

from collections import defaultdict
from collections.abc import Iterable

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.search.params.catalog import served, unserved
from fhir_server.search.params.kinds import modifiers
from fhir_server.search.params.parameter import Parameter
from fhir_server.search.sort import sortable
from tests.architecture.map_page import ROOT

PAGE = ROOT / "docs" / "search-parameters.md"

_HEAD = """# Search parameters

Every search parameter of R4 and US Core, {served:,} for 146 types, and how each is answered. The page is made from the catalog that
answers, by `python -m tests.architecture.search_page`; a test holds it to the code. [search.md](search.md) tells what the values mean.

* **kept in**: *column* is exact and in an ordered index; *code set* is the exact set of codings of the element; *tokens* are hashes in one
  index, looked at again in the resource; *dates*, *numbers* and *strings* are rows in a table by value; *texts* are kept once for all resources that carry
  their token, as those of codes and identifiers are for `:text`. *its parts* needs nothing of its own.
* **modifiers**: `:missing` goes with all. `:[type]` is the type of what is referred to.
* **sort**: whether `_sort` takes it.

"""

_ALL = "every type"


def page() -> str:
    """docs/search-parameters.md."""
    every = [parameter for type in RESOURCE_TYPES for parameter in served(type).values()]
    parts = [_HEAD.format(served=len(every)), "## Served\n\n"]
    parts.append("| parameter | type | of | kept in | modifiers | sort |\n|---|---|---|---|---|---|\n")
    parts += [f"| {' | '.join(cells)} |\n" for cells in _rows(every)]
    parts.append(
        "\n## Not served\n\nAsked for, they are refused with this reason.\n\n| parameter | of | because |\n|---|---|---|\n"
    )
    parts += [f"| {' | '.join(cells)} |\n" for cells in _refusals()]
    return "".join(parts)


def _rows(every: Iterable[Parameter]) -> list[tuple[str, ...]]:
    """The parameters that are answered alike, as one line with their types."""
    alike = defaultdict[tuple[str, ...], list[str]](list)
    for parameter in every:
        takes = [f"`:{name}`" for name in sorted(modifiers(parameter))]
        if parameter.kind == "reference" and parameter.targets:
            takes.append("`:[type]`")
        sorts = "yes" if parameter.code in sortable(parameter.resource_type) else ""
        key = (f"`{parameter.code}`", parameter.kind, _kept_in(parameter), " ".join(takes), sorts)
        alike[key].append(parameter.resource_type)
    return sorted((key[0], key[1], _types(types), *key[2:]) for key, types in alike.items())


def _refusals() -> list[tuple[str, ...]]:
    alike = defaultdict[tuple[str, str], list[str]](list)
    for type in RESOURCE_TYPES:
        for code, reason in unserved(type).items():
            alike[f"`{code}`", reason].append(type)
    return sorted((code, _types(types), f"{reason}.") for (code, reason), types in alike.items())


def _types(types: list[str]) -> str:
    missing = sorted(RESOURCE_TYPES.keys() - set(types))
    if not missing:
        return _ALL
    if len(missing) < 5:
        return f"{_ALL} but {', '.join(missing)}"
    return ", ".join(sorted(types))


def _kept_in(parameter: Parameter) -> str:
    if parameter.union:
        return " and ".join(f"`{code}`" for code in parameter.union)
    if parameter.kind == "composite":
        return {"single": "its parts", "row": "numbers with code set", "pair": "tokens", "span": "numbers"}[
            parameter.together
        ]
    if parameter.coded_by:
        return "numbers with code set"
    if parameter.coded:
        return "code set"
    rows = {
        "date": "dates",
        "number": "numbers",
        "quantity": "numbers",
        "string": "strings",
        "uri": "tokens, texts",
    }
    if parameter.column:
        return "column, tokens" if parameter.column == "patient" else "column"
    return rows.get(parameter.kind, "tokens")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
