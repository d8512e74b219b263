"""Random resources that refer to each other, random chains and includes: the database finds what following them finds."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fhir_server.json import dumps, parse
from fhir_server.search.index import index
from fhir_server.store.database import Database
from fhir_server.store.drafts import Draft
from fhir_server.store.predicate import Predicate
from tests.integration.search.conftest import BASE, searchset, showing

COUNT = 4  # of each type, so that most chains meet something
OWN = {"Patient": "gender", "Organization": "active", "Observation": "status", "Device": "status"}
VALUES = {
    "Patient": ("male", "female"),
    "Organization": ("true", "false"),
    "Observation": ("final", "amended"),
    "Device": ("active", "inactive"),
}
# parameter by type: the element that refers, whether it repeats, and what it may refer to
LINKS = {
    ("Patient", "organization"): ("managingOrganization", False, ("Organization",)),
    ("Patient", "general-practitioner"): ("generalPractitioner", True, ("Organization",)),
    ("Organization", "partof"): ("partOf", False, ("Organization",)),
    ("Observation", "subject"): ("subject", False, ("Patient", "Device")),
    ("Observation", "patient"): ("subject", False, ("Patient",)),
    ("Observation", "device"): ("device", False, ("Device",)),
    ("Observation", "has-member"): ("hasMember", True, ("Observation",)),
    ("Device", "organization"): ("owner", False, ("Organization",)),
}
FORMS = ("{}", f"{BASE}/{{}}", "{}/_history/1", f"{BASE}/{{}}/_history/2", "http://other.test/fhir/{}")


@dataclass(frozen=True)
class Step:
    """Forward to `other` by its parameter, or back from it."""

    back: bool
    other: str
    parameter: str

    def text(self) -> str:
        if self.back:
            return f"_has:{self.other}:{self.parameter}:"
        return f"{self.parameter}:{self.other}."


@st.composite
def references(draw, targets):
    key = f"{draw(st.sampled_from(targets))}/{draw(st.integers(0, COUNT))}"  # the last of them is not there
    return {"reference": draw(st.sampled_from(FORMS)).format(key)}


@st.composite
def graphs(draw):
    found = []
    for type, own in OWN.items():
        for number in range(COUNT):
            value = draw(st.sampled_from(VALUES[type]))
            tree = {
                "resourceType": type,
                "id": str(number),
                own: value if own != "active" else value == "true",
            }
            if type == "Observation":
                tree["code"] = {"text": "x"}
            for (source, parameter), (element, repeats, targets) in LINKS.items():
                if source == type and parameter != "patient" and draw(st.booleans()):
                    named = draw(st.lists(references(targets), min_size=1, max_size=2 if repeats else 1))
                    tree[element] = named if repeats else named[0]
            found.append(tree)
    return found


@st.composite
def chains(draw):
    type = draw(st.sampled_from(sorted(OWN)))
    at, steps = type, []
    for _ in range(draw(st.integers(1, 3))):
        ways = [Step(False, other, name) for (t, name), link in LINKS.items() if t == at for other in link[2]]
        ways += [Step(True, t, name) for (t, name), link in LINKS.items() if at in link[2]]
        steps.append(draw(st.sampled_from(ways)))
        at = steps[-1].other
    return type, tuple(steps), at, draw(st.sampled_from(VALUES[at]))


class Graph:
    """What a reader who follows references would find, of what they may see."""

    def __init__(self, trees: list[dict], hidden: set[str]) -> None:
        self.seen = {
            f"{tree['resourceType']}/{tree['id']}": tree
            for tree in trees
            if f"{tree['resourceType']}/{tree['id']}" not in hidden
        }

    def referred(self, key: str, parameter: str, target: str) -> Iterator[str]:
        """The keys of what it refers to, whether or not anything is there."""
        tree = self.seen[key]
        named = tree.get(LINKS[tree["resourceType"], parameter][0], [])
        for one in named if isinstance(named, list) else [named]:
            text = one["reference"].removeprefix(f"{BASE}/").partition("/_history/")[0]
            if text.startswith(f"{target}/"):
                yield text

    def meets(self, key: str, steps: tuple[Step, ...], value: str) -> bool:
        if not steps:
            tree = self.seen[key]
            return str(tree[OWN[tree["resourceType"]]]).lower() == value
        step, rest = steps[0], steps[1:]
        if step.back:
            others = (
                one
                for one in self.seen
                if one.startswith(f"{step.other}/")
                and key in self.referred(one, step.parameter, key.partition("/")[0])
            )
        else:
            others = (one for one in self.referred(key, step.parameter, step.other) if one in self.seen)
        return any(self.meets(one, rest, value) for one in others)


async def answers(url, trees, queries, access):
    """The ids of the matches of each query, and what is included."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(
            "TRUNCATE resource, resource_date, resource_number, resource_string, change_log"
        )
    database = Database(url, size=2)
    await database.open()
    try:
        parsed = [parse(dumps(tree)) for tree in trees]
        drafts = [
            Draft(
                tree["resourceType"],
                tree["id"],
                tree,
                index(tree["resourceType"], tree, base_url=BASE),
                "PUT",
            )
            for tree in parsed
        ]
        await database.create_all(drafts)
        found = [await searchset(database, type, pairs, access) for type, pairs in queries]
        return [(set(one.ids), one.included) for one in found]
    finally:
        await database.close()


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
@given(
    trees=graphs(),
    asked=st.lists(chains(), min_size=12, max_size=12),
    hidden=st.sets(
        st.builds("{}/{}".format, st.sampled_from(sorted(OWN)), st.integers(0, COUNT - 1)), max_size=4
    ),
)
def test_a_chain_finds_what_following_its_references_finds(database_url, trees, asked, hidden):
    access = showing(
        Predicate("TRUE"),
        **{type: Predicate("r.id <> ALL(%s::text[])", ([one.partition("/")[2] for one in hidden if one.startswith(f"{type}/")],)) for type in OWN},
    )  # fmt: skip
    graph = Graph(trees, hidden)
    queries = [
        (type, ((f"{''.join(step.text() for step in steps)}{OWN[last]}", value),))
        for type, steps, last, value in asked
    ]
    included = [(type, (("_revinclude", "*"),)) for type in OWN]

    given = asyncio.run(answers(database_url, trees, [*queries, *included], access))

    for (type, steps, _, value), query, (ids, _) in zip(asked, queries, given, strict=False):
        keys = [key for key in graph.seen if key.startswith(f"{type}/")]
        assert ids == {key.partition("/")[2] for key in keys if graph.meets(key, steps, value)}, query
    for type, (_, beside) in zip(OWN, given[len(queries) :], strict=True):
        referrers = {
            one
            for one in graph.seen
            for (source, parameter), link in LINKS.items()
            if one.startswith(f"{source}/") and type in link[2] and not one.startswith(f"{type}/")
            and any(key in graph.seen for key in graph.referred(one, parameter, type))
        }  # fmt: skip
        assert beside == referrers, type
