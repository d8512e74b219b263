-- The first schema: what store/tables.py and store/devices/tables.py said then.
CREATE SEQUENCE resource_rid INCREMENT BY 1000;

CREATE TABLE change_log (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    type SMALLINT NOT NULL,
    rid BIGINT NOT NULL,
    version INTEGER NOT NULL,
    last_updated TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (last_updated, seq)
);

CREATE INDEX change_log_type ON change_log (type, last_updated, seq);

COMMENT ON TABLE change_log IS 'One row per version, written in its transaction; feeds history, export and subscriptions.';

CREATE TABLE code_set (
    key BIGINT GENERATED ALWAYS AS IDENTITY,
    codings TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (key),
    UNIQUE (codings)
);

COMMENT ON TABLE code_set IS 'A number for each distinct set of codings that a resource''s `code` carries, as sorted lines `system|code`.';

CREATE TABLE code_set_coding (
    system TEXT COLLATE "C" NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    code_set BIGINT NOT NULL,
    PRIMARY KEY (code, system, code_set)
);

COMMENT ON TABLE code_set_coding IS 'The members of each code_set, so that any one coding of a resource finds it through an ordered index.';

CREATE TABLE dead_letter (
    number BIGINT GENERATED ALWAYS AS IDENTITY,
    device TEXT COLLATE "C",
    format TEXT COLLATE "C" NOT NULL,
    sha256 BYTEA NOT NULL,
    payload BYTEA,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    times INTEGER DEFAULT 1 NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE NOT NULL,
    issues JSONB NOT NULL,
    stored_as TEXT[] COLLATE "C",
    PRIMARY KEY (number)
);

CREATE UNIQUE INDEX dead_letter_waiting ON dead_letter (coalesce(device, ''), sha256) WHERE stored_as IS NULL;

COMMENT ON TABLE dead_letter IS 'Readings that were rejected: their bytes as they came and why; `stored_as` once a retry stored them.';

CREATE TABLE device (
    key BIGINT GENERATED ALWAYS AS IDENTITY,
    name TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    profile TEXT COLLATE "C" NOT NULL,
    registered_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    disabled_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key),
    UNIQUE (name),
    UNIQUE (id)
);

COMMENT ON TABLE device IS 'Devices that may send readings: `name` is what they call themselves, `id` their Device resource.';

CREATE UNLOGGED TABLE device_rate (
    device BIGINT NOT NULL,
    tokens DOUBLE PRECISION NOT NULL,
    filled_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (device)
);

COMMENT ON TABLE device_rate IS 'A token bucket per device; lost in a crash, which fills it.';

CREATE TABLE patient_key (
    key BIGINT GENERATED ALWAYS AS IDENTITY,
    id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (key),
    UNIQUE (id)
);

COMMENT ON TABLE patient_key IS 'A number for each Patient id that any resource is about, whether or not that Patient exists here.';

CREATE TABLE resource (
    rid BIGSERIAL NOT NULL,
    type SMALLINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    version INTEGER NOT NULL,
    method TEXT COLLATE "C" NOT NULL,
    last_updated TIMESTAMP WITH TIME ZONE NOT NULL,
    patient BIGINT,
    code_set BIGINT,
    date_lo TIMESTAMP WITH TIME ZONE,
    date_hi TIMESTAMP WITH TIME ZONE,
    value_lo NUMERIC,
    value_hi NUMERIC,
    value_unit BIGINT,
    tokens BIGINT[] NOT NULL,
    fingerprint BIGINT,
    deleted BOOLEAN DEFAULT false NOT NULL,
    body JSONB,
    PRIMARY KEY (rid),
    CONSTRAINT resource_type_id UNIQUE (type, id)
);

CREATE INDEX resource_code_date ON resource (type, code_set, date_lo DESC, rid);

CREATE INDEX resource_last_updated ON resource (type, last_updated, rid);

CREATE INDEX resource_patient_code_date ON resource (type, patient, code_set, date_lo DESC, rid);

CREATE INDEX resource_patient_date ON resource (type, patient, date_lo DESC, rid);

CREATE INDEX resource_tokens ON resource USING gin (tokens) WITH (gin_pending_list_limit = 256);

CREATE INDEX resource_wide_date ON resource (type, patient, date_lo DESC, rid) WHERE tokens @> '{5477951415758571691}'::bigint[];

COMMENT ON TABLE resource IS 'The current version of every resource; `(type, id)` is its key, a deleted one keeps its row without a body.';

CREATE TABLE resource_date (
    rid BIGINT NOT NULL,
    param INTEGER NOT NULL,
    lo TIMESTAMP WITH TIME ZONE NOT NULL,
    hi TIMESTAMP WITH TIME ZONE NOT NULL
);

CREATE INDEX resource_date_rid ON resource_date (rid);

CREATE INDEX resource_date_value ON resource_date (param, lo, rid);

CREATE TABLE resource_history (
    rid BIGINT NOT NULL,
    version INTEGER NOT NULL,
    method TEXT COLLATE "C" NOT NULL,
    last_updated TIMESTAMP WITH TIME ZONE NOT NULL,
    body JSONB,
    PRIMARY KEY (rid, version)
);

COMMENT ON TABLE resource_history IS 'Versions that were replaced; a create writes nothing here.';

CREATE TABLE resource_number (
    rid BIGINT NOT NULL,
    param INTEGER NOT NULL,
    unit BIGINT,
    lo NUMERIC NOT NULL,
    hi NUMERIC NOT NULL
);

CREATE INDEX resource_number_rid ON resource_number (rid);

CREATE INDEX resource_number_value ON resource_number (param, lo, rid);

COMMENT ON TABLE resource_number IS 'Numbers (unit NULL) and quantities beyond the resource''s own value columns.';

CREATE TABLE resource_string (
    rid BIGINT NOT NULL,
    param INTEGER NOT NULL,
    folded TEXT COLLATE "C" NOT NULL,
    exact TEXT COLLATE "C" NOT NULL
);

CREATE INDEX resource_string_rid ON resource_string (rid);

CREATE INDEX resource_string_value ON resource_string (param, left(folded, 200), rid);

CREATE UNLOGGED TABLE seen_request (
    device BIGINT NOT NULL,
    signature BYTEA NOT NULL,
    claimed_until TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status SMALLINT,
    body BYTEA,
    PRIMARY KEY (device, signature)
);

CREATE INDEX seen_request_expires_at ON seen_request (expires_at);

COMMENT ON TABLE seen_request IS 'Signatures of the last minutes and their answers; lost in a crash, after which identities still hold.';

CREATE TABLE device_assignment (
    use_id TEXT COLLATE "C" NOT NULL,
    device BIGINT NOT NULL,
    patient TEXT COLLATE "C" NOT NULL,
    period TSTZRANGE NOT NULL,
    PRIMARY KEY (use_id),
    CONSTRAINT device_assignment_overlap EXCLUDE USING gist (int8range(device, device, '[]') WITH &&, period WITH &&),
    FOREIGN KEY(device) REFERENCES device (key)
);

COMMENT ON TABLE device_assignment IS 'Derived from the DeviceUseStatement `use_id` in the same transaction; the statement is the truth.';

CREATE TABLE device_secret (
    device BIGINT NOT NULL,
    key_id INTEGER NOT NULL,
    sealed BYTEA NOT NULL,
    valid_until TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (device, key_id),
    FOREIGN KEY(device) REFERENCES device (key)
);

COMMENT ON TABLE device_secret IS 'AES-GCM under a key derived from the master key, which is not in this database.';

CREATE STATISTICS resource_correlations (ndistinct, dependencies, mcv) ON type, patient, code_set FROM resource;

ALTER TABLE resource ALTER COLUMN tokens SET STATISTICS 1000;

ALTER TABLE resource SET (autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);
