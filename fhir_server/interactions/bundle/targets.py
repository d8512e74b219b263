"""What the links of each entry become, once it is known where every entry's resource will be.

https://hl7.org/fhir/R4/bundle.html#references
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from fhir_server.errors import InvalidRequest, RequestError
from fhir_server.interactions.bundle.links import BrokenLink, conditional, restful

_URNS = ("urn:uuid:", "urn:oid:")
_VERSION = "/_history/"


@dataclass(frozen=True, slots=True)
class Targets:
    """Where the entries' resources will be: `Type/id` by their fullUrl, and the version that each of those will have.

    `referred` are conditional references with what they found, or why that is nothing that can be referred to. `alone`
    says that an entry must not refer to what another one makes, as in a batch.
    """

    places: Mapping[str, str]
    versions: Mapping[str, int] = field(default_factory=dict)
    referred: Mapping[str, str | RequestError] = field(default_factory=dict)
    alone: bool = False


class EntryLinks:
    """The links of one entry; `asked` are the conditional references in it, `unnumbered` the places whose version it names.

    Until it is known what a conditional reference finds, it is linked to a place of its type that no resource has.
    """

    def __init__(self, targets: Targets, full_url: str) -> None:
        self._targets = targets
        self._full_url = full_url
        own = restful(full_url)
        self._base = own[0] if own else None
        self.asked = set[str]()
        self.unnumbered = set[str]()

    def reference(self, text: str) -> str:
        """What a reference becomes; raises BrokenLink for a URN of no entry and for a condition that finds not just one."""
        place = self._place(text)
        if place is not None:
            return place
        if self._targets.alone and text in self._targets.places:
            raise BrokenLink(
                InvalidRequest, f"{text[:100]} is made by another entry of this batch. Send a transaction."
            )
        if text.startswith(_URNS):
            raise BrokenLink(
                InvalidRequest,
                f"{text[:100]} is the fullUrl of no entry that it could refer to. Correct one of them.",
            )
        condition = conditional(text) if "?" in text else None
        return text if condition is None else self._referred(text, condition[0])

    def url(self, text: str) -> str:
        """What a URL becomes: that of an entry its place, any other itself."""
        return self._place(text) or text

    def _referred(self, text: str, target: str) -> str:
        self.asked.add(text)
        found = self._targets.referred.get(text)
        if isinstance(found, RequestError):
            raise BrokenLink(type(found), str(found))
        return found or f"{target}/-"

    def _place(self, text: str) -> str | None:
        place = self._of_entry(text)
        if place is None and "#" in text:
            url, _, fragment = text.partition("#")
            place = self._place(url)
            return place and f"{place}#{fragment}"
        if place is None and _VERSION in text:
            return self._numbered(self._of_entry(text.partition(_VERSION)[0]))
        return place

    def _of_entry(self, url: str) -> str | None:
        place = self._targets.places.get(url)
        if place is None and self._base is not None and ":" not in url:
            place = self._targets.places.get(self._base + url)
        return None if self._targets.alone and url != self._full_url else place

    def _numbered(self, place: str | None) -> str | None:
        """The place with its version; for now that of its first one where it is not known yet."""
        if place is None:
            return None
        if place not in self._targets.versions:
            self.unnumbered.add(place)
        return f"{place}{_VERSION}{self._targets.versions.get(place, 1)}"
