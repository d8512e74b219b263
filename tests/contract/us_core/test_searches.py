"""Every search that US Core 6.1 asks of a server, by address and by form, over made and over real resources."""

import pytest

from tests.contract.us_core import metadata, oracle, resources
from tests.contract.us_core.asking import PARAMETERS, REAL, asked, expected, found, of

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("us-core")]

SEARCHES = metadata.searches()


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search.item)
async def test_a_search_finds_what_has_the_values_and_nothing_else(us_core, search):
    others = {f"us-{name.lstrip('_')}" for name in search.names}
    for query in asked(search, of(search.resource)):
        right = expected(search.resource, query)
        assert "us-1" in right
        others &= set(right)
        assert await found(us_core, search.resource, query) == right
        assert await found(us_core, search.resource, query, "POST") == right
    assert others == set(), "each resource that differs in a parameter was missed at least once"


def complete(search):
    """The real resources that have a value for each parameter of the search."""
    parameters = [PARAMETERS[search.resource, name] for name in search.names]
    return [
        one
        for one in REAL
        if one["resourceType"] == search.resource
        and all(any(oracle.nodes(one, path) for path in each.paths) for each in parameters)
    ]


@pytest.mark.parametrize("search", list(filter(complete, SEARCHES)), ids=lambda search: search.item)
async def test_a_search_over_real_records_finds_what_has_the_values(us_core, search):
    records = complete(search)
    for resource in records[:: max(1, len(records) // 5)]:
        query = asked(search, resource)[0]
        right = expected(search.resource, query)
        assert resource["id"] in right
        assert await found(us_core, search.resource, query) == right


@pytest.mark.parametrize(
    "parameter",
    [one for one in PARAMETERS.values() if one.datatype in oracle.TOKENS - {"code"}],
    ids=lambda one: f"us-{one.resource.lower()}-{one.name}",
)
async def test_a_token_is_found_by_system_and_code_by_code_and_by_system_and_not_without_its_system(
    us_core, parameter
):
    full, code = oracle.forms(parameter, of(parameter.resource))
    system = full.rpartition("|")[0]
    for value in (full, code, f"{system}|", f"|{code}", f"urn:other|{code}", f"{system}|{code}x"):
        query = [(parameter.name, value)]
        right = expected(parameter.resource, query)
        assert ("us-1" in right) == (value in (full, code, f"{system}|"))
        assert await found(us_core, parameter.resource, query) == right, value


@pytest.mark.parametrize(
    "parameter",
    [one for one in PARAMETERS.values() if one.comparators],
    ids=lambda one: f"us-{one.resource.lower()}-{one.name}",
)
async def test_a_date_is_found_by_every_comparator_and_between_two(us_core, parameter):
    since = oracle.forms(parameter, of(parameter.resource))[0].removeprefix("ge")
    seen = set()
    for comparator in parameter.comparators:
        for value in (since, since[:7], since[:4], "2021", "2035-01-01", f"{since}T12:00:00Z"):
            query = [(parameter.name, f"{comparator}{value}")]
            right = expected(parameter.resource, query)
            seen.add("us-1" in right)
            assert await found(us_core, parameter.resource, query) == right, query
    assert seen == {True, False}
    between = [(parameter.name, f"ge{since[:4]}"), (parameter.name, "lt2031")]
    assert await found(us_core, parameter.resource, between) == expected(parameter.resource, between)


@pytest.mark.parametrize(
    "parameter",
    [one for one in PARAMETERS.values() if one.multiple_or],
    ids=lambda one: f"us-{one.resource.lower()}-{one.name}",
)
async def test_several_values_find_what_has_any_of_them(us_core, parameter):
    type, other = parameter.resource, f"us-{parameter.name}"
    values = [oracle.forms(parameter, of(type, id))[0] for id in ("us-1", other)]
    query = [(parameter.name, ",".join(values))]
    right = expected(type, query)
    assert {"us-1", other} <= set(right)
    assert set(expected(type, [(parameter.name, values[0])])) < set(right)
    assert await found(us_core, type, query) == right
    assert await found(us_core, type, query, "POST") == right


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search.item)
async def test_a_search_that_nobody_vouches_for_is_answered_401(us_core, search):
    (query, *_) = asked(search, of(search.resource))
    for method, address in (
        ("GET", f"/fhir/{search.resource}"),
        ("POST", f"/fhir/{search.resource}/_search"),
    ):
        how = {"params" if method == "GET" else "data": dict(query)}
        answer = await us_core.request(method, address, headers={"Authorization": ""}, **how)
        assert answer.status_code == 401
        assert answer.json()["resourceType"] == "OperationOutcome"


async def test_every_parameter_of_the_extract_has_a_resource_that_differs_there():
    assert {(type, name) for type, (_, others) in resources.TYPES.items() for name in others} == set(
        PARAMETERS
    )
