"""Random records that name each other, random scopes: what comes back on any way is what a plain reading of them lets through.

The oracle knows no search parameters and no SQL: it reads the resources themselves.
"""

import random
import re
from typing import Any

import pytest

from tests.integration.rest.access.world import BASE, CATEGORY, Asker, Server, coded, names, resource, to

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("access-oracle")]

Tree = dict[str, Any]

ABOUT = {
    "Observation": "subject", "Condition": "subject", "DiagnosticReport": "subject", "DocumentReference": "subject",
    "Communication": "subject", "RelatedPerson": "patient", "Coverage": "beneficiary", "Device": "patient",
}  # fmt: skip
SHARED = ("Device", "Practitioner", "Organization")
OTHERS = ("Patient", "Appointment", "Provenance", "Binary", "Group", "Basic")
CATEGORIES, CODES = ("vital-signs", "laboratory"), ("c1", "c2")


class World:
    """A few patients and what names them; `place` keeps the ids of one world apart from those of others."""

    def __init__(self, place: str, chance: random.Random) -> None:
        self.place, self._chance = place, chance
        self.patients = [f"{place}-p{n}" for n in range(3)]
        self.trees = [self._patient(id) for id in self.patients]
        self.trees += [resource(type, f"{place}-{type[0].lower()}{n}") for type in SHARED for n in range(3)]
        for n in range(30):
            self.trees.append(self._some(n))

    def _reference(self, key: str) -> Tree:
        return to(self._chance.choice([key, key, f"{BASE}/{key}", f"{key}/_history/1"]))

    def _one(self, *types: str) -> Tree:
        there = [tree for tree in self.trees if tree["resourceType"] in types]
        tree = self._chance.choice(there)
        return self._reference(f"{tree['resourceType']}/{tree['id']}")

    def _patient(self, id: str) -> Tree:
        doctor = f"Practitioner/{self.place}-p{self._chance.randrange(3)}"
        other = self._chance.choice(self.patients)
        return resource(
            "Patient",
            id,
            generalPractitioner=[to(doctor)],
            link=[{"other": to(f"Patient/{other}"), "type": "seealso"}],
        )

    def _some(self, n: int) -> Tree:
        chance = self._chance
        type = chance.choice(
            [*ABOUT, "Observation", "Observation", "Appointment", "Provenance", "Binary", "Group"]
        )
        tree = resource(type, f"{self.place}-x{n}")
        if type in ABOUT and chance.random() < 0.9:
            tree[ABOUT[type]] = self._one("Patient")
        match type:
            case "Observation":
                tree |= {
                    "category": [coded(chance.choice(CATEGORIES), CATEGORY)],
                    "code": coded(chance.choice(CODES)),
                }
                tree |= {
                    "performer": [self._one("Practitioner", "Patient")],
                    "device": self._one("Device"),
                    "focus": [self._one("Patient", "Device")],
                }
            case "DiagnosticReport":
                tree |= {
                    "result": [self._one("Observation", "Patient")],
                    "performer": [self._one("Organization")],
                }
            case "DocumentReference":
                tree |= {"content": [{"attachment": {"url": f"Binary/{self.place}-x{chance.randrange(30)}"}}]}
            case "Communication":
                tree |= {"recipient": [self._one("Patient")], "sender": self._one("Patient", "Practitioner")}
            case "Coverage":
                tree |= {"subscriber": self._one("Patient"), "payor": [self._one("Organization")]}
            case "Appointment":
                tree |= {
                    "participant": [
                        {"actor": self._one("Patient", "Practitioner", "RelatedPerson")}
                        for _ in range(chance.randrange(1, 3))
                    ]
                }
            case "Provenance":
                tree |= {
                    "target": [
                        self._one("Patient", "Observation", "Device") for _ in range(chance.randrange(1, 3))
                    ]
                }
            case "Binary" if chance.random() < 0.5:
                tree |= {"securityContext": self._one("Patient", "Observation")}
            case "Group":
                tree |= {"member": [{"entity": self._one("Patient")}]}
        return tree


class Oracle:
    """What of a world belongs to the record of one patient."""

    def __init__(self, world: World, patient: str) -> None:
        self._patient = patient
        self._trees = {f"{tree['resourceType']}/{tree['id']}": tree for tree in world.trees}
        self._own = {key for key, tree in self._trees.items() if self._is_own(key, tree)}
        self._named = {key for own in self._own for key in self._names(self._trees[own])}
        self.record = {key for key, tree in self._trees.items() if self._belongs(key, tree)}

    def _is_own(self, key: str, tree: Tree) -> bool:
        about = tree.get(ABOUT.get(tree["resourceType"], ""))
        return key == f"Patient/{self._patient}" or (
            about is not None and local(about) == f"Patient/{self._patient}"
        )

    def _names(self, tree: Tree) -> set[str]:
        references = {local(to(text)) for text in re.findall("'reference': '([^']+)'", str(tree))}
        return references | {one["attachment"]["url"] for one in tree.get("content", ())}

    def _belongs(self, key: str, tree: Tree) -> bool:
        mine = f"Patient/{self._patient}"
        match tree["resourceType"]:
            case "Group" | "Basic":
                return False
            case "Appointment":
                actors = {local(one["actor"]) for one in tree["participant"]}
                relatives = {one for one in actors if one.startswith("RelatedPerson/")}
                return {one for one in actors if one.startswith("Patient/")} == {
                    mine
                } and relatives <= self._own
            case "Provenance":
                return all(local(one) in self._own for one in tree["target"] if relative(one)) and all(
                    map(relative, tree["target"])
                )
            case "Binary" if "securityContext" in tree:
                return relative(tree["securityContext"]) and local(tree["securityContext"]) in self._own
            case "Binary" | "Practitioner" | "Organization":
                return key in self._named
            case "Device":
                return key in self._own or ("patient" not in tree and key in self._named)
        return key in self._own


def local(reference: Tree) -> str:
    return reference["reference"].removeprefix(f"{BASE}/").partition("/_history/")[0]


def relative(reference: Tree) -> bool:
    """What says who may see something is read as a relative reference only; any other is nobody's."""
    return not reference["reference"].startswith("http")


class Granted:
    """Random scopes, and what they grant."""

    def __init__(self, chance: random.Random) -> None:
        types = ["*", "Observation", *chance.sample([*ABOUT, *SHARED, *OTHERS], 6)]
        self._scopes = [
            (chance.choice(types), chance.choice(["r", "s", "rs", "rs"]), self._filter(chance))
            for _ in range(5)
        ]

    @property
    def texts(self) -> list[str]:
        return [
            f"patient/{type}.{letters}" + (f"?{name}={value}" if name else "")
            for type, letters, (name, value) in self._scopes
        ]

    def grants(self, tree: Tree, letter: str) -> bool:
        type = tree["resourceType"]
        return any(
            letter in letters
            and of in ("*", type)
            and (not name or (type in HAVING[name] and self._meets(tree, name, value)))
            for of, letters, (name, value) in self._scopes
        )

    def types(self, letter: str) -> set[str]:
        """The types that the permission is granted on at all."""
        everyone = {*ABOUT, *SHARED, *OTHERS} - {"Group"}
        return {
            type for type in everyone for of, letters, (name, _) in self._scopes
            if letter in letters and of in ("*", type) and (not name or type in HAVING[name])
        }  # fmt: skip

    def _filter(self, chance: random.Random) -> tuple[str, str]:
        return chance.choice(
            [
                ("", ""),
                ("", ""),
                ("category", f"{CATEGORY}|{chance.choice(CATEGORIES)}"),
                ("code", f"http://loinc.org|{chance.choice(CODES)}"),
            ]
        )

    def _meets(self, tree: Tree, name: str, value: str) -> bool:
        system, _, code = value.partition("|")
        held = tree.get(name, [])
        elements = held if isinstance(held, list) else [held]
        return any(one["coding"] == [{"system": system, "code": code}] for one in elements)


HAVING = {"category": {"Observation", "Condition", "Communication", "DiagnosticReport", "DocumentReference"},
          "code": {"Observation", "Condition", "DiagnosticReport", "Basic"}}  # fmt: skip


@pytest.mark.item("leak-16")
@pytest.mark.parametrize("seed", range(8))
async def test_whatever_comes_back_is_in_the_record_and_granted(server: Server, seed: int):
    chance = random.Random(seed)
    world = World(f"w{seed}", chance)
    await server.store(*world.trees)
    for patient in world.patients[:2]:
        granted, record = Granted(chance), Oracle(world, patient).record
        caller = server.caller(*granted.texts, patient=patient)
        keys = {f"{tree['resourceType']}/{tree['id']}": tree for tree in world.trees}
        shown = {letter: {key for key in record if granted.grants(keys[key], letter)} for letter in "rs"}
        await _check_searches(caller, world, granted, shown)
        await _check_reads(caller, granted, keys, shown["r"])


async def _check_searches(caller: Asker, world: World, granted: Granted, shown: dict[str, set[str]]) -> None:
    searched = granted.types("s") - {"Basic"}
    ids = ",".join(tree["id"] for tree in world.trees)
    for type in sorted({*ABOUT, *SHARED, *OTHERS} - {"Basic"}):
        if type not in searched:
            assert await caller.status(type) == 403, type
            continue
        found = {key for key in shown["s"] if key.startswith(f"{type}/")}
        assert await caller.found(f"{type}?_id={ids}") == found, type
        assert await caller.found(f"{type}/_history?_count=1000") == found, type
        around = await caller.found(
            f"{type}?_id={ids}&_include=*&_revinclude=*&_include:iterate=*&_revinclude:iterate=*"
        )
        assert around <= found | shown["r"], type
    if searched:
        assert await caller.found(f"?_id={ids}&_count=1000") == shown["s"]
        assert await caller.found("_history?_count=1000") == shown["s"]


async def _check_reads(caller: Asker, granted: Granted, keys: dict[str, Tree], shown: set[str]) -> None:
    ways = [f"{key}{way}" for key in sorted(keys) for way in ("", "/_history/1", "/_history")]
    entries = [{"request": {"method": "GET", "url": way}} for way in ways]
    batch = (
        await caller.ask("POST", "", {"resourceType": "Bundle", "type": "batch", "entry": entries})
    ).json()
    told = [entry["response"]["status"] for entry in batch["entry"]]
    types = granted.types("r")
    for way, status in zip(ways, told, strict=True):
        type, id = way.split("/")[:2]
        key = f"{type}/{id}"
        assert status == ("403" if type not in types else "200" if key in shown else "404"), way
    if "Patient" in types:
        for way in ("$everything?_count=1000", "$record"):
            for patient in (key for key in keys if key.startswith("Patient/")):
                answer = await caller.get(f"{patient}/{way}")
                assert answer.status_code == (200 if patient in shown else 404)
                if answer.status_code == 200:
                    assert names(answer.json()) <= shown
