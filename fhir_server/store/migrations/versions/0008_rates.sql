-- store/rates.py says how it is read.
CREATE UNLOGGED TABLE rate_bucket (
    key BYTEA NOT NULL,
    taken INTEGER NOT NULL,
    full_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (key)
);

COMMENT ON TABLE rate_bucket IS 'Token buckets of callers other than devices, under a hash of who they are; one that is full again, or lost in a crash, is as good as none.';
