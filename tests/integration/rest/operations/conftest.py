"""Resources stored together before a test of an operation."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import pytest


@pytest.fixture
def stored(client: Any, fhir: Any) -> Callable[[Iterable[dict[str, Any]]], Awaitable[None]]:
    """Stores resources under their ids, in one transaction."""

    async def store(trees: Iterable[dict[str, Any]]) -> None:
        entries = [
            {"resource": tree, "request": {"method": "PUT", "url": f"{tree['resourceType']}/{tree['id']}"}}
            for tree in trees
        ]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        answer = await client.post("/fhir", **fhir(bundle))
        assert answer.status_code == 200, answer.text

    return store
