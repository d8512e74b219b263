-- store/audit/tables.py says what each is for; the partitions of `audit` are made as their months come.
CREATE TABLE audit (
    id UUID NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    kind TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    outcome SMALLINT NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    who TEXT COLLATE "C",
    type TEXT COLLATE "C" NOT NULL,
    entity TEXT COLLATE "C" NOT NULL,
    patient TEXT COLLATE "C",
    detail JSON NOT NULL,
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);

CREATE INDEX audit_xid ON audit (xid);

CREATE INDEX audit_subject ON audit (subject, id);

CREATE INDEX audit_who ON audit (who, id) WHERE who IS NOT NULL;

CREATE INDEX audit_entity ON audit (entity, id) WHERE entity <> '';

CREATE INDEX audit_patient ON audit (patient, id) WHERE patient IS NOT NULL;

COMMENT ON TABLE audit IS 'What happened, by whom; `id` is a UUIDv7, whose time is when. Partitioned by month; rows are only added.';

CREATE TABLE audit_seal (
    number BIGINT NOT NULL,
    sealed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ids UUID[] NOT NULL,
    hashes BYTEA NOT NULL,
    first UUID,
    last UUID,
    dropped_below UUID,
    digest BYTEA NOT NULL,
    mac BYTEA NOT NULL,
    PRIMARY KEY (number)
);

ALTER TABLE audit_seal ALTER ids SET STORAGE EXTERNAL, ALTER hashes SET STORAGE EXTERNAL;

CREATE INDEX audit_seal_last ON audit_seal (last);

COMMENT ON TABLE audit_seal IS 'Batches of records by their hashes, each chained to the one before; `mac` is under a key that is not here.';

CREATE TABLE audit_sealing (
    one BOOLEAN NOT NULL DEFAULT true CONSTRAINT audit_sealing_one CHECK (one),
    snapshot TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (one)
);

COMMENT ON TABLE audit_sealing IS 'One row: what was visible when records were last sealed; whoever seals holds it.';

INSERT INTO audit_sealing (snapshot) VALUES (pg_current_snapshot()::text);

-- the body is one string of one line, since this file is cut at semicolons that end a line
CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN RAISE EXCEPTION USING MESSAGE = TG_OP || '' on '' || TG_TABLE_NAME || '': records of the audit are only ever added'', ERRCODE = ''insufficient_privilege''; END';

CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_only_grows();

CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE ON audit_seal FOR EACH ROW EXECUTE FUNCTION audit_only_grows();

CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON audit EXECUTE FUNCTION audit_only_grows();

CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON audit_seal EXECUTE FUNCTION audit_only_grows();
