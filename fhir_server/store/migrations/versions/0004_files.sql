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
