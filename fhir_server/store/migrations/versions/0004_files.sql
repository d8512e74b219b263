-- store/tables.py and store/devices/tables.py say what each is for.
CREATE TABLE ingested_file (
    device BIGINT NOT NULL REFERENCES device (key),
    sha256 BYTEA NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    format TEXT COLLATE "C" NOT NULL,
    received TIMESTAMP WITH TIME ZONE NOT NULL,
    claimed_until TIMESTAMP WITH TIME ZONE,
    finished TIMESTAMP WITH TIME ZONE,
    summary JSONB,
    PRIMARY KEY (device, sha256)
);

COMMENT ON TABLE ingested_file IS 'Files by the device that wrote them and their hash: claimed while one is being read, with its summary once all of it is stored.';

CREATE TABLE blob (
    sha256 BYTEA NOT NULL,
    size BIGINT NOT NULL,
    noted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (sha256)
);

COMMENT ON TABLE blob IS 'Every content that the blob store may hold, noted before it gets there, and again whenever it is written once more.';

CREATE TABLE device_api_key (
    id TEXT COLLATE "C" NOT NULL,
    device BIGINT NOT NULL REFERENCES device (key),
    sha256 BYTEA NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
    valid_until TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id)
);

CREATE INDEX device_api_key_device ON device_api_key (device);

COMMENT ON TABLE device_api_key IS 'Keys of devices that cannot sign, found by their public id; of the rest there is a hash only.';

ALTER TABLE device ADD COLUMN metrics TEXT COLLATE "C", ADD COLUMN state JSONB;

-- A target of 1000 let ANALYZE sample 300,000 rows, body and all: five to seven seconds of CPU every twenty while readings come in.
ALTER TABLE resource ALTER COLUMN tokens SET STATISTICS 100, ALTER COLUMN body SET STATISTICS 0;

ALTER TABLE resource SET (autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.2);
