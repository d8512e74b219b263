"""A bucket of an S3-compatible object store as a blob store.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html; obstore signs, retries and streams.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fhir_server.errors import Unavailable
from fhir_server.store.blobs.port import CHUNK, Digest, missing

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config, S3Store

_PART: Final = 8 * 1024 * 1024
_PATIENCE: Final["RetryConfig"] = {"max_retries": 4, "retry_timeout": timedelta(seconds=20)}


class S3Blobs:
    """Contents in a bucket, under `prefix/ab/cdef…`."""

    def __init__(self, store: "S3Store") -> None:
        self._store = store

    async def put(self, digest: Digest, content: bytes | Path) -> None:
        """As the port says; one that is there already is not sent again, and of two at once the first stands."""
        import obstore
        from obstore.exceptions import AlreadyExistsError

        key = _key(digest.sha256)
        if await self._size(key) == digest.size:
            return
        with _told():
            try:
                # a large one goes up in parts, for which S3 has no condition: equal names are equal contents anyway
                await obstore.put_async(
                    self._store,
                    key,
                    content,
                    mode="create" if digest.size <= _PART else None,
                    use_multipart=digest.size > _PART,
                    chunk_size=_PART,
                    max_concurrency=2,
                )
            except AlreadyExistsError:
                return

    async def read(self, sha256: bytes, start: int, stop: int) -> AsyncIterator[bytes]:
        """As the port says."""
        import obstore

        if start >= stop:
            return _nothing()
        with _told():
            try:
                found = await obstore.get_async(self._store, _key(sha256), options={"range": (start, stop)})
            except FileNotFoundError as error:
                raise missing(sha256) from error
        return _parts(found.stream(min_chunk_size=CHUNK))

    async def exists(self, sha256: bytes) -> bool:
        """As the port says."""
        return await self._size(_key(sha256)) is not None

    async def delete(self, sha256: bytes) -> None:
        """As the port says."""
        import obstore

        with _told():
            try:
                await obstore.delete_async(self._store, _key(sha256))
            except FileNotFoundError:
                return

    async def tidy(self, age: timedelta) -> None:
        """Nothing: a bucket's own lifecycle rule aborts uploads in parts that were not finished (docs/operations.md)."""

    async def _size(self, key: str) -> int | None:
        import obstore

        with _told():
            try:
                return (await obstore.head_async(self._store, key))["size"]
            except FileNotFoundError:
                return None


def s3_store(
    bucket: str, prefix: str, *, endpoint: str | None, region: str, credentials: tuple[str, str] | None
) -> "S3Store":
    """The client of one bucket; without `credentials` those of the environment, as every AWS tool reads them.

    An endpoint of one's own is addressed by path, `endpoint/bucket/key`: few have a name for each bucket.
    """
    from obstore.store import S3Store

    config: S3Config = {"region": region, "disable_bulk_delete": True}  # which not every store has
    client: ClientConfig = {"timeout": timedelta(minutes=5), "connect_timeout": timedelta(seconds=5)}
    if credentials is not None:
        config["access_key_id"], config["secret_access_key"] = credentials
    if endpoint is not None:
        config["endpoint"], config["virtual_hosted_style_request"] = endpoint, False
        client["allow_http"] = endpoint.startswith("http://")
    return S3Store(
        bucket, prefix=prefix or None, config=config, client_options=client, retry_config=_PATIENCE
    )


def _key(sha256: bytes) -> str:
    name = sha256.hex()
    return f"{name[:2]}/{name[2:]}"


async def _nothing() -> AsyncIterator[bytes]:
    for part in tuple[bytes, ...]():
        yield part


async def _parts(stream: AsyncIterator[object]) -> AsyncIterator[bytes]:
    with _told():
        async for part in stream:
            yield bytes(part)  # type: ignore[call-overload]  # obstore's Bytes have the buffer protocol


@contextmanager
def _told() -> Iterator[None]:
    """A failure of the store in words for a client, without an address or a key."""
    from obstore.exceptions import BaseError

    try:
        yield
    except FileNotFoundError:
        raise
    except (BaseError, OSError) as error:
        raise Unavailable("The blob store does not answer as it should. Send the request again.") from error
