"""Large contents of Binaries on their way in: into the blob store, before the resource that names them is committed.

docs/adr/0016-blobs.md

The database notes a content before the store gets it, so that nothing lies there that the database does not know of; see
`sweep` for what is done when no resource names it after all.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from fhir_server.errors import TooLarge
from fhir_server.store.blobs.pointer import BINARY, content, encoded_size, pointing
from fhir_server.store.blobs.port import Blobs, Digest, digest
from fhir_server.store.drafts import Draft

INLINE: Final = 65_536
"""Bytes of content that a row may hold itself: up to here the one statement that reads it is quicker than a file."""

IN_ROW: Final = 1_000_000
"""Bytes of content that a row holds at most, where there is no blob store: each version of it is written and read whole."""

Note = Callable[[Digest], Awaitable[None]]


async def set_aside(blobs: Blobs, note: Note, drafts: Sequence[Draft]) -> list[Draft]:
    """`drafts`, those Binaries with more than `INLINE` bytes of content pointing into the store, where it is for good."""
    return [
        await _aside(blobs, note, draft)
        if draft.type == BINARY and encoded_size(draft.tree) > INLINE
        else draft
        for draft in drafts
    ]


def refuse_large(drafts: Sequence[Draft]) -> None:
    """Nothing; TooLarge where one of `drafts` has more content than a row holds, and there is no blob store for it."""
    for draft in drafts:
        if draft.type == BINARY:
            check_in_row(encoded_size(draft.tree))


def check_in_row(size: int) -> None:
    """Nothing; TooLarge for more bytes of content than a row holds."""
    if size > IN_ROW:
        raise TooLarge(
            f"The content has {size} bytes. This server has no blob store and keeps at most {IN_ROW}: ask its operator to set "
            "FHIR_BLOBS.",
            "Binary.data",
        )


async def keep(blobs: Blobs, note: Note, found: bytes | Path, known: Digest | None = None) -> Digest:
    """The digest of a content that is in the store for good."""
    taken = known or await digest(found)
    await note(taken)
    await blobs.put(taken, found)
    return taken


async def _aside(blobs: Blobs, note: Note, draft: Draft) -> Draft:
    kept = await keep(blobs, note, content(draft.tree))
    return replace(draft, tree=pointing(draft.tree, kept))
