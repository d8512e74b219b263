-- store/tables.py says what it is for.
CREATE TABLE patient_mention (
    patient BIGINT NOT NULL,
    type SMALLINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (patient, type, id)
);

COMMENT ON TABLE patient_mention IS 'Resources that belong to no patient, but that the data of one (patient_key) name: who may see the record may see them.';

-- where nothing is stored, nothing has the index of an earlier version
UPDATE search_index SET version = 3 WHERE NOT EXISTS (SELECT FROM resource);
