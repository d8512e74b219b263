"""A Bundle after the Personal Health Device guide as its single Observations.

https://hl7.org/fhir/R4/bundle.html; https://build.fhir.org/ig/HL7/phd/

The Bundle is how a gateway packs what it has: each Observation in it is a message of its own, answered on its own.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final, overload

from ingest.decoders.batch import Batch, Tree, check_count, elements, member, parsed
from ingest.decoders.phd_references import BUNDLE_TYPES, called, is_time_stamp
from ingest.errors import TooLarge, Unreadable

_PARTIES: Final = ("Device", "Patient")
"""Entries that say who is who: the devices and assignments of this server are the truth, so that they are not stored."""

_MOST_COPIED: Final = 20
"""An Observation is kept with what it refers to: all of them together are no longer than so many Bundles."""


def phd_batch(body: bytes, limit: int) -> Batch:
    """The Observations in `body`, a Bundle or one of them; each that refers to other entries as a Bundle with those.

    Entries that are neither Observation, Device nor Patient stand for themselves, to be refused. Raises Unreadable when
    the body is neither, TooLarge for more than `limit` Observations.
    """
    try:
        tree = parsed(body)
    except ValueError as error:
        raise Unreadable(
            f"The body is not JSON: {error}. Send an Observation, or a Bundle of some."
        ) from error
    type = tree.get("resourceType") if isinstance(tree, dict) else None
    if not isinstance(tree, dict) or type not in ("Observation", "Bundle"):
        raise Unreadable("The body is no FHIR resource of type Observation or Bundle. Send one of them.")
    if type == "Observation":
        return Batch(body, (tree,))
    return _unpacked(body, tree, limit)


def _unpacked(body: bytes, bundle: Tree, limit: int) -> Batch:
    if bundle.get("type") not in BUNDLE_TYPES:
        raise Unreadable(f"Bundle.type is none of {', '.join(BUNDLE_TYPES)}. Send one of them.")
    sent = bundle.get("entry")
    if not isinstance(sent, list) or not sent or not all(isinstance(each, dict) for each in sent):
        raise Unreadable("Bundle.entry is no list of entries. Send at least one.")
    packs = tuple(_packs(sent, _MOST_COPIED * len(body)))
    check_count(len(packs), limit)
    items = tuple(_packed(sent, pack) for pack in packs)
    return Batch(body, items, lines=_Texts(body, packs), is_array=True)


def _packs(sent: Sequence[Tree], most: int) -> Iterator[tuple[int, ...]]:
    """For each message the numbers of its entries, its own first. Raises TooLarge for more than `most` bytes of others."""
    by_name = {name: number for number, each in enumerate(sent) if _says_who(each) for name in _called(each)}
    sizes = {number: len(str(sent[number])) for number in set(by_name.values())}
    for number, each in enumerate(sent):
        if _type(each) in _PARTIES:
            continue
        pack = tuple(dict.fromkeys((number, *_referred(each.get("resource"), by_name))))
        most -= sum(sizes[other] for other in pack[1:])
        if most < 0:
            raise TooLarge("The entries of the Bundle refer to each other too often. Send fewer at once.")
        yield pack


def _packed(sent: Sequence[Tree], pack: tuple[int, ...]) -> Tree:
    resource = sent[pack[0]].get("resource")
    if _is_alone(pack) and isinstance(resource, dict):
        return resource
    return {"resourceType": "Bundle", "type": "collection", "entry": [sent[number] for number in pack]}


def _is_alone(pack: tuple[int, ...]) -> bool:
    return len(pack) == 1


class _Texts(Sequence[bytes]):
    """The bytes of each message as they came; the body is taken apart only when one is asked for."""

    def __init__(self, body: bytes, packs: Sequence[tuple[int, ...]]) -> None:
        self._body, self._packs = body, packs

    def __len__(self) -> int:
        return len(self._packs)

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        texts = [self._entries[number] for number in self._packs[index]]
        if len(texts) == 1 and (resource := member(texts[0], "resource")) is not None:
            return resource
        return b'{"resourceType":"Bundle","type":"collection","entry":[%b]}' % b",".join(texts)

    @cached_property
    def _entries(self) -> tuple[bytes, ...]:
        text = member(self._body, "entry")
        assert text is not None, "the Bundle has entries"
        return tuple(elements(text))


def _says_who(entry: Tree) -> bool:
    """Whether Observations may refer to the entry: for its device, patient or gateway, or for the device's clock."""
    resource = entry.get("resource")
    return _type(entry) in _PARTIES or (isinstance(resource, dict) and is_time_stamp(resource))


def _type(entry: Tree) -> object:
    resource = entry.get("resource")
    return resource.get("resourceType") if isinstance(resource, dict) else None


def _called(entry: Tree) -> Iterator[str]:
    url, resource = entry.get("fullUrl"), entry.get("resource")
    if isinstance(resource, dict):
        yield from called(url if isinstance(url, str) else None, resource)


def _referred(node: object, by_name: dict[str, int]) -> Iterator[int]:
    """The entries that `node` refers to."""
    if isinstance(node, dict):
        reference = node.get("reference")
        if isinstance(reference, str) and reference in by_name:
            yield by_name[reference]
        for each in node.values():
            yield from _referred(each, by_name)
    elif isinstance(node, list):
        for each in node:
            yield from _referred(each, by_name)
