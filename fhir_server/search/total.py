"""How many resources match, on all pages together: counted, or guessed where a guess is enough.

https://hl7.org/fhir/R4/search.html#total

Included resources and OperationOutcomes are no matches.
"""

from typing import Final

import psycopg
from psycopg.rows import TupleRow

from fhir_server.search.compile import Statement, matches
from fhir_server.search.plan import Plan

COUNTED: Final = 10_000  # up to so many an estimate is the count


def accurate(plan: Plan) -> Statement:
    """The statement that counts every match."""
    every = matches(plan)
    return Statement(f"SELECT count(*) FROM ({every.sql}) x", every.params)


def bounded(plan: Plan) -> Statement:
    """The statement that counts matches until there are too many to be worth it."""
    every = matches(plan)
    return Statement(f"SELECT count(*) FROM ({every.sql} LIMIT {COUNTED + 1}) x", every.params)


def guess(plan: Plan) -> Statement:
    """The statement for what PostgreSQL's planner thinks of the matches, which it does not look at."""
    every = matches(plan)
    return Statement(f"EXPLAIN (FORMAT JSON) {every.sql}", every.params)


async def total(connection: psycopg.AsyncConnection[TupleRow], plan: Plan) -> int:
    """How many match, as accurately as `plan.total` asks."""
    if plan.total != "estimate":
        return await _number(connection, accurate(plan))
    found = await _number(connection, bounded(plan))
    if found <= COUNTED:
        return found
    ((told,),) = await _rows(connection, guess(plan))
    return max(found, int(told[0]["Plan"]["Plan Rows"]))


async def _number(connection: psycopg.AsyncConnection[TupleRow], statement: Statement) -> int:
    ((found,),) = await _rows(connection, statement)
    return int(found)


async def _rows(connection: psycopg.AsyncConnection[TupleRow], statement: Statement) -> list[TupleRow]:
    cursor = await connection.execute(statement.sql, statement.params, prepare=False)
    return await cursor.fetchall()
