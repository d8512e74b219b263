"""What a restore says anew: numbers of another cluster's transactions mean nothing here, and may lie in this one's future.

docs/adr/0003-backup.md, "Change log"; docs/adr/0019-audit.md; docs/adr/0023-change-log.md, "Restore"
"""

from typing import Final

# A database from before there were subscriptions: everything restored counts as written by the restoring transaction.
_CHANGE_LOG: Final = """
DO $$
DECLARE place regclass;
BEGIN
    FOR place IN
        SELECT a.attrelid FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
        WHERE c.relname = 'change_log' AND c.relkind = 'r' AND a.attname = 'xid'
          AND a.atttypid = 'pg_catalog.xid8'::regtype
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_class s
                           WHERE s.relnamespace = c.relnamespace AND s.relname = 'subscription_cursor')
    LOOP
        EXECUTE pg_catalog.format('ALTER TABLE %s ALTER xid TYPE xid8 USING pg_catalog.pg_current_xact_id()', place);
    END LOOP;
END $$;
"""

# Nothing is sent from here until the operator says so: this may be a copy, and the endpoints are the real ones.
# What was matched lies long before everything, under the number 3. What was not counts as still running at the cursor, under
# the numbers from 4 on: one for all that is news to the same subscriptions, so that each is told of what it would have been.
# A young cluster may not have given as many numbers yet: those that are missing are spent, and are nobody's afterwards.
SUBSCRIPTIONS: Final = """
DO $$
DECLARE space text; position text; behind text; upto bigint; me text := pg_catalog.pg_current_xact_id()::text;
BEGIN
    FOR space IN
        SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_class c
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relname = 'subscription_cursor' AND c.relkind = 'r'
    LOOP
        EXECUTE pg_catalog.format('SELECT snapshot::text FROM %s.subscription_cursor', space) INTO position;
        EXECUTE pg_catalog.format(
            'ALTER TABLE %s.change_log ALTER xid TYPE xid8 USING CASE WHEN pg_catalog.pg_visible_in_snapshot(xid, %L) '
            'THEN ''3''::xid8 ELSE xid END', space, position);
        EXECUTE pg_catalog.format(
            'CREATE TEMPORARY TABLE restamped ON COMMIT DROP AS '
            'SELECT old, old_to, pg_catalog.dense_rank() OVER (ORDER BY old_to) + 3 AS new FROM ('
            '  SELECT l.xid AS old, ARRAY(SELECT s.key FROM %1$s.subscription s '
            '    WHERE pg_catalog.pg_visible_in_snapshot(l.xid, s.since) ORDER BY s.key) AS old_to '
            '  FROM (SELECT DISTINCT xid FROM %1$s.change_log WHERE xid <> ''3''::xid8) l) known', space);
        EXECUTE pg_catalog.format(
            'UPDATE %s.change_log l SET xid = r.new::text::xid8 FROM restamped r WHERE l.xid = r.old', space);
        SELECT pg_catalog.string_agg(new::text, ',' ORDER BY new) INTO behind FROM (SELECT DISTINCT new FROM restamped) each;
        SELECT greatest(max(new) + 1, me::bigint) INTO upto FROM restamped;
        FOR spent IN me::bigint + 1 .. upto LOOP
            BEGIN
                INSERT INTO restamped VALUES (NULL, NULL, NULL);  -- what a transaction within this one gets its number for
                RAISE SQLSTATE 'UF001';
            EXCEPTION WHEN SQLSTATE 'UF001' THEN NULL;
            END;
        END LOOP;
        EXECUTE pg_catalog.format(
            'UPDATE %s.subscription_cursor SET leader = NULL, lease_until = NULL, sends_from = NULL, snapshot = %L::pg_snapshot', space,
            CASE WHEN behind IS NULL THEN upto || ':' || upto || ':' ELSE '4:' || upto || ':' || behind END);
        EXECUTE pg_catalog.format(
            'UPDATE %s.subscription s SET since = coalesce('
            '  (SELECT pg_catalog.min(new)::text || %L || pg_catalog.string_agg(new::text, '','' ORDER BY new) '
            '     FROM (SELECT DISTINCT new FROM restamped WHERE s.key <> ALL(old_to)) each), %L)::pg_snapshot',
            space, ':' || upto || ':', upto || ':' || upto || ':');
        DROP TABLE restamped;
    END LOOP;
END $$;
"""

# What was sealed stays so, and everything else counts as written now: it is sealed next.
_AUDIT: Final = """
DO $$
DECLARE place regclass; since text; me text := pg_catalog.pg_current_xact_id()::text;
BEGIN
    FOR place IN
        SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_class s
          ON s.relnamespace = c.relnamespace AND s.relname = 'audit_sealing' WHERE c.relname = 'audit' AND c.relkind = 'p'
    LOOP
        EXECUTE pg_catalog.format('SELECT snapshot FROM %s_sealing', place) INTO since;
        EXECUTE pg_catalog.format(
            'ALTER TABLE %s ALTER xid TYPE xid8 USING CASE WHEN pg_catalog.pg_visible_in_snapshot(xid, %L) '
            'THEN ''3''::xid8 ELSE pg_catalog.pg_current_xact_id() END', place, since);
        EXECUTE pg_catalog.format('UPDATE %s_sealing SET snapshot = %L', place, me || ':' || me || ':');
    END LOOP;
END $$;
"""

RESTAMPED: Final = _CHANGE_LOG + SUBSCRIPTIONS + _AUDIT
