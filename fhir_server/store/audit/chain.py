"""The chain of seals: what a record's and a seal's bytes are, and their hashes.

https://www.rfc-editor.org/rfc/rfc6962#section-2 for the idea; docs/adr/0019-audit.md

A seal's digest is over the digest before it, so that nothing before can change without every later digest. Its MAC is under
a key that is not in the database: whoever can write there can make digests, but no MACs.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from psycopg.rows import TupleRow

SIZE: Final = 32
START: Final = bytes(SIZE)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS: Final = "id::text, kind, action, outcome, subject, who, type, entity, patient, detail::text"
# its text is what `record_bytes` makes: JSON as jsonb writes it
HASH: Final = f"sha256(convert_to(jsonb_build_array({_COLUMNS})::text, 'UTF8'))"


@dataclass(frozen=True, slots=True)
class Seal:
    """Seal `number`: the ids of its records in order, their hashes one after the other, and what binds them.

    One that has no records says that those below an id were dropped.
    """

    number: int
    sealed_at: datetime
    ids: tuple[UUID, ...]
    hashes: bytes
    dropped_below: UUID | None
    digest: bytes
    mac: bytes


def record_bytes(row: TupleRow) -> bytes:
    """The canonical bytes of a record: its columns, in the order of store.audit.rows.COLUMNS."""
    id, *rest = row
    return json.dumps([str(id), *rest], ensure_ascii=False, separators=(", ", ": ")).encode()


def record_hash(row: TupleRow) -> bytes:
    """The SHA-256 of the record in a row of store.audit.rows.COLUMNS."""
    return hashlib.sha256(record_bytes(row)).digest()


def seal(
    key: bytes,
    before: bytes,
    number: int,
    at: datetime,
    ids: Sequence[UUID],
    hashes: bytes,
    dropped_below: UUID | None = None,
) -> Seal:
    """The next seal of the chain, after the one whose digest is `before`."""
    digest = seal_digest(before, number, at, ids, hashes, dropped_below)
    return Seal(number, at, tuple(ids), hashes, dropped_below, digest, mac(key, digest))


def seal_digest(
    before: bytes, number: int, at: datetime, ids: Sequence[UUID], hashes: bytes, dropped_below: UUID | None
) -> bytes:
    """What the digest of a seal must be, by what it holds."""
    made = hashlib.sha256(before)
    made.update(number.to_bytes(8))
    made.update(((at - _EPOCH) // timedelta(microseconds=1)).to_bytes(8))
    made.update(dropped_below.bytes if dropped_below else bytes(16))
    made.update(len(ids).to_bytes(8))
    made.update(b"".join(id.bytes for id in ids))
    made.update(hashes)
    return made.digest()


def mac(key: bytes, digest: bytes) -> bytes:
    """The HMAC-SHA-256 of a digest."""
    return hmac.digest(key, digest, "sha256")


def vouching_mac(key: bytes, digest: bytes) -> bytes:
    """The MAC of a seal that vouches for all before it, which were found good when the key was changed."""
    return hmac.digest(key, b"all before this is good" + digest, "sha256")


def is_of(key: bytes, digest: bytes, code: bytes) -> bool:
    """Whether `code` is the MAC of a digest."""
    return hmac.compare_digest(mac(key, digest), code)


def vouches(key: bytes, digest: bytes, code: bytes) -> bool:
    """Whether `code` is the MAC of a seal that vouches for all before it."""
    return hmac.compare_digest(vouching_mac(key, digest), code)
