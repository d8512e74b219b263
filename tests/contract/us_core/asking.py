"""US Core's searches as queries, what they should find, and what a server finds.

https://hl7.org/fhir/us/core/STU6.1/general-guidance.html#search-syntax
"""

from itertools import cycle, islice

import httpx

from tests.contract.us_core import metadata, oracle, resources

PARAMETERS = {(one.resource, one.name): one for one in metadata.parameters()}
MADE = list(resources.made())
REAL = resources.real()


async def found(client, type, query, method="GET"):
    """The ids on all pages of a search, each once."""
    pairs = [*query, ("_count", "40")]
    if method == "GET":
        answer = await client.get(f"/fhir/{type}", params=httpx.QueryParams(pairs))
    else:
        form = str(httpx.QueryParams(pairs))
        media = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await client.post(f"/fhir/{type}/_search", content=form, headers=media)
    ids = []
    while True:
        assert answer.status_code == 200, (query, answer.text)
        bundle = answer.json()
        ids += [entry["resource"]["id"] for entry in bundle.get("entry", [])]
        links = {link["relation"]: link["url"] for link in bundle["link"]}
        if "next" not in links:
            return sorted(ids)
        answer = await client.get(links["next"])


def expected(type, query):
    return sorted(
        resource["id"]
        for resource in (*MADE, *REAL)
        if resource["resourceType"] == type
        and all(oracle.meets(resource, PARAMETERS[type, name], value) for name, value in query)
    )


def of(type, id="us-1"):
    return next(one for one in MADE if (one["resourceType"], one["id"]) == (type, id))


def asked(search, resource):
    """The search with each parameter's forms in turn, until the parameter with most of them had all."""
    forms = [oracle.forms(PARAMETERS[search.resource, name], resource) for name in search.names]
    turns = max(map(len, forms))
    columns = [islice(cycle(each), turns) for each in forms]
    return [list(zip(search.names, values, strict=True)) for values in zip(*columns, strict=True)]
