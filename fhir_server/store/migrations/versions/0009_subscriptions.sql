CREATE TABLE subscription (
    key bigint GENERATED ALWAYS AS IDENTITY,
    id text COLLATE "C" NOT NULL,
    owner_key text COLLATE "C" NOT NULL,
    owner jsonb NOT NULL,
    asked jsonb NOT NULL,
    headers bytea,
    state text COLLATE "C" NOT NULL,
    error text COLLATE "C",
    since pg_snapshot NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone,
    CONSTRAINT subscription_pkey PRIMARY KEY (key),
    CONSTRAINT subscription_id UNIQUE (id)
);
CREATE INDEX subscription_owner_key ON subscription (owner_key);
COMMENT ON TABLE subscription IS 'Every Subscription that was ever accepted, whose it is and how far it is on its way; `asked` is what it asks for, `headers` what its endpoint is sent, sealed.';

CREATE TABLE subscription_progress (
    subscription bigint NOT NULL,
    numbered bigint DEFAULT 0 NOT NULL,
    delivered bigint DEFAULT 0 NOT NULL,
    sending bigint DEFAULT 0 NOT NULL,
    greeted boolean DEFAULT false NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    failing_since timestamp with time zone,
    last_sent_at timestamp with time zone,
    due_at timestamp with time zone NOT NULL,
    lease_owner text COLLATE "C",
    lease_until timestamp with time zone,
    CONSTRAINT subscription_progress_pkey PRIMARY KEY (subscription)
) WITH (fillfactor = 50);
CREATE INDEX subscription_progress_due_at ON subscription_progress (due_at);
COMMENT ON TABLE subscription_progress IS 'The last number given to an event of each subscription, the last one its endpoint took, the last one under way, and when something is to be sent next: infinity where nothing is.';

CREATE TABLE subscription_event (
    subscription bigint NOT NULL,
    number bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    change text COLLATE "C" NOT NULL,
    type smallint NOT NULL,
    id text COLLATE "C" NOT NULL,
    rid bigint,
    version integer,
    CONSTRAINT subscription_event_pkey PRIMARY KEY (subscription, number)
);
CREATE INDEX subscription_event_at ON subscription_event (at);
COMMENT ON TABLE subscription_event IS 'What happened that a subscription asked for, numbered from 1 without gaps; kept for a configured time.';

CREATE TABLE subscription_set_aside (
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    subscription bigint,
    change text COLLATE "C",
    type smallint NOT NULL,
    id text COLLATE "C" NOT NULL,
    rid bigint,
    version integer,
    reason text COLLATE "C" NOT NULL
);
CREATE INDEX subscription_set_aside_at ON subscription_set_aside (at);
COMMENT ON TABLE subscription_set_aside IS 'Changes that could not be held against a subscription (null: against any), for a failure of the server, and where it failed; kept as long as events.';

CREATE TABLE subscription_cursor (
    snapshot pg_snapshot NOT NULL,
    epoch bigint NOT NULL,
    leader text COLLATE "C",
    lease_until timestamp with time zone,
    sends_from text COLLATE "C"
);
INSERT INTO subscription_cursor (snapshot, epoch, sends_from)
SELECT pg_current_snapshot(), 0, system_identifier::text FROM pg_control_system();
COMMENT ON TABLE subscription_cursor IS 'One row: how far the change log was matched, which process may go on with it, and the cluster that notifications are sent from (null: none).';

CREATE TABLE subscription_binding (
    sha256 bytea NOT NULL,
    subscriptions text[] NOT NULL,
    owner_key text COLLATE "C" NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT subscription_binding_pkey PRIMARY KEY (sha256)
);
CREATE INDEX subscription_binding_expires_at ON subscription_binding (expires_at);
COMMENT ON TABLE subscription_binding IS 'Hashes of tokens that bind a WebSocket to subscriptions, until they expire.';

CREATE INDEX change_log_xid ON change_log (xid);

ALTER TABLE device ADD COLUMN told_seen_at timestamp with time zone;
