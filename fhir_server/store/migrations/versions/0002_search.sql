-- What the whole of R4's search needs beyond the first schema: store/tables.py says what each is for.
CREATE INDEX resource_type_date ON resource (type, date_lo DESC, rid);

DROP INDEX resource_patient_date;

CREATE INDEX resource_patient_date ON resource (type, (patient + 0), date_lo DESC, rid);

ALTER TABLE resource_number ADD COLUMN code_set BIGINT;

COMMENT ON TABLE resource_number IS 'Numbers (unit NULL) and quantities beyond the resource''s own value columns; `code_set` of the same component.';

DROP INDEX resource_date_rid;

CREATE INDEX resource_date_rid ON resource_date (rid, param);

DROP INDEX resource_number_rid;

CREATE INDEX resource_number_rid ON resource_number (rid, param);

DROP INDEX resource_string_rid;

CREATE INDEX resource_string_rid ON resource_string (rid, param);

CREATE TABLE token_text (
    token BIGINT NOT NULL,
    place INTEGER NOT NULL,
    param INTEGER NOT NULL,
    folded TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (token, place)
);

CREATE INDEX token_text_value ON token_text (param, left(folded, 200));

COMMENT ON TABLE token_text IS 'The texts of codes, identifiers and URLs, folded, by the token that resources with them carry; those of one element share it.';

CREATE TABLE unit (
    hash BIGINT NOT NULL,
    system TEXT COLLATE "C" NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    display TEXT COLLATE "C" NOT NULL,
    dimension TEXT COLLATE "C",
    factor NUMERIC,
    shift NUMERIC,
    divisor NUMERIC,
    PRIMARY KEY (hash)
);

COMMENT ON TABLE unit IS 'Every unit that quantities carry; `(value * factor + shift) / divisor` is in the base units of `dimension`, if UCUM has one.';

CREATE TABLE search_index (
    version INTEGER NOT NULL
);

COMMENT ON TABLE search_index IS 'One row: the form of the index that every resource is known to have (search/index.py: INDEX_VERSION).';

INSERT INTO search_index SELECT CASE WHEN EXISTS (SELECT FROM resource) THEN 1 ELSE 2 END;

CREATE TABLE kept_search (
    id BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    expires TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX kept_search_expires ON kept_search (expires);

COMMENT ON TABLE kept_search IS 'Searches too long for the link to their next page, encrypted, until they expire.';

CREATE TABLE job (
    id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    asked_by TEXT COLLATE "C" NOT NULL,
    parameters JSONB NOT NULL,
    created TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    started TIMESTAMP WITH TIME ZONE,
    ended TIMESTAMP WITH TIME ZONE,
    lease_until TIMESTAMP WITH TIME ZONE,
    worker TEXT COLLATE "C",
    position BIGINT DEFAULT 0 NOT NULL,
    done BIGINT DEFAULT 0 NOT NULL,
    total BIGINT DEFAULT 0 NOT NULL,
    failures JSONB DEFAULT '[]' NOT NULL,
    error TEXT COLLATE "C",
    PRIMARY KEY (id)
);

COMMENT ON TABLE job IS 'Work in the background, which any process goes on with when the one that did it has died.';
