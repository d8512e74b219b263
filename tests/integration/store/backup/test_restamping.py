"""What a restore says anew of how far subscriptions were told: the same as before, whatever was under way."""

from collections.abc import Iterator
from typing import TypeAlias

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_server.store.backup.restamping import SUBSCRIPTIONS
from tests import databases

Seen: TypeAlias = tuple[int, frozenset[int]]

_TABLES = """
CREATE TABLE change_log (seq int, xid xid8);
CREATE TABLE subscription (key bigint, since pg_snapshot);
CREATE TABLE subscription_cursor (snapshot pg_snapshot, leader text, lease_until timestamptz, sends_from text)"""
_TOLD = """
SELECT s.key, l.seq FROM change_log l, subscription s, subscription_cursor c
 WHERE NOT pg_visible_in_snapshot(l.xid, c.snapshot) AND NOT pg_visible_in_snapshot(l.xid, s.since) ORDER BY 1, 2"""
_NEW = """
SELECT count(*) FROM (SELECT since AS shown FROM subscription UNION ALL SELECT snapshot FROM subscription_cursor) every
 WHERE pg_visible_in_snapshot(pg_current_xact_id(), shown)"""

# transactions of the old cluster, and what was visible at a moment there
_xids = st.integers(10, 60)
_seen = st.tuples(_xids, st.frozensets(_xids, max_size=8)).map(
    lambda one: (one[0], frozenset(xid for xid in one[1] if xid < one[0]))
)


def _text(seen: Seen) -> str:
    xmax, running = seen
    return f"{min(running, default=xmax)}:{xmax}:{','.join(map(str, sorted(running)))}"


@pytest.fixture(scope="module")
def connection(postgres_url: str) -> Iterator[psycopg.Connection]:
    with databases.database(postgres_url, "restamped") as url, psycopg.connect(url, autocommit=True) as one:
        for statement in _TABLES.split(";"):
            one.execute(statement)
        yield one


@settings(max_examples=60, deadline=None)
@given(xids=st.lists(_xids, max_size=30), cursor=_seen, since=st.lists(_seen, max_size=12))
def test_everyone_is_told_of_the_same_also_in_a_cluster_younger_than_what_waits(
    connection: psycopg.Connection, xids: list[int], cursor: Seen, since: list[Seen]
) -> None:
    young = SUBSCRIPTIONS.replace("pg_catalog.pg_current_xact_id()::text", "'5'")
    assert young != SUBSCRIPTIONS
    connection.execute("TRUNCATE change_log, subscription, subscription_cursor")
    connection.execute("INSERT INTO subscription_cursor VALUES (%s, 'me', now(), '1')", (_text(cursor),))
    with connection.cursor() as many:
        many.executemany(
            "INSERT INTO change_log VALUES (%s, %s::text::xid8)", [(seq, xid) for seq, xid in enumerate(xids)]
        )
        many.executemany(
            "INSERT INTO subscription VALUES (%s, %s)", [(key, _text(one)) for key, one in enumerate(since)]
        )
    before = connection.execute(_TOLD).fetchall()
    connection.execute(young)
    assert connection.execute(_TOLD).fetchall() == before
    assert connection.execute(_NEW).fetchone() == (0,)
