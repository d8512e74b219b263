"""The drafts of what entries write: linked to where the others will be, validated, indexed.

https://hl7.org/fhir/R4/http.html#transaction
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from fhir_server.errors import RequestError
from fhir_server.interactions.bundle.change import Change
from fhir_server.interactions.bundle.failures import Failures
from fhir_server.interactions.bundle.identities import Identities
from fhir_server.interactions.bundle.links import BrokenLink, linked
from fhir_server.interactions.bundle.targets import EntryLinks, Targets
from fhir_server.interactions.write import prepare_tree
from fhir_server.store.drafts import Draft

AT_ONCE: Final = 50
"""Resources that are prepared before others may use the processor: a few milliseconds."""


@dataclass(slots=True)
class Drafts:
    """By entry number: the drafts, and what is still open in their links."""

    drafts: dict[int, Draft] = field(default_factory=dict)
    links: dict[int, EntryLinks] = field(default_factory=dict)

    def asked(self) -> set[str]:
        """The conditional references of all entries."""
        return {text for links in self.links.values() for text in links.asked}

    def having(self, asked: bool = False, unnumbered: bool = False) -> set[int]:
        """The entries with conditional references, or with references to versions that are not known yet."""
        return {
            number
            for number, links in self.links.items()
            if (asked and links.asked) or (unnumbered and links.unnumbered)
        }


async def draft_all(
    drafts: Drafts, changes: Iterable[Change], found: Identities, targets: Targets, failures: Failures
) -> None:
    """Makes the drafts of `changes` (anew, where there are some) as far as they bring a resource."""
    for count, change in enumerate(changes):
        if count % AT_ONCE == AT_ONCE - 1:
            await asyncio.sleep(0)
        if change.resource is None or change in failures:
            continue
        try:
            _draft(drafts, change, found, targets)
        except BrokenLink as error:
            failures.add(change, error.told(change.type))
        except RequestError as error:
            failures.add(change, error)


def _draft(drafts: Drafts, change: Change, found: Identities, targets: Targets) -> None:
    assert change.resource is not None, "checked by the caller"
    links = EntryLinks(targets, change.full_url)
    tree = linked(change.resource, links)
    drafts.links[change.number] = links
    drafts.drafts[change.number] = prepare_tree(
        change.type, tree, id=found.ids[change.number], method=change.method, base_url=change.base_url
    )
