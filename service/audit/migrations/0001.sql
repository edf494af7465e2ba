-- The trail and its head, for SQLite and PostgreSQL alike. New databases are made from this file by the service itself;
-- Alembic's first revision runs it, too.
CREATE TABLE audit_entry (
    sequence BIGINT NOT NULL PRIMARY KEY,
    format INTEGER NOT NULL,
    at TEXT NOT NULL,
    event TEXT NOT NULL,
    request_id TEXT,
    principal TEXT,
    principal_name TEXT,
    route TEXT,
    status BIGINT,
    code TEXT,
    item BIGINT,
    image_sha256 TEXT,
    image_bytes BIGINT,
    media_type TEXT,
    width BIGINT,
    height BIGINT,
    frame BIGINT,
    model TEXT,
    version BIGINT,
    model_sha256 TEXT,
    runtime TEXT,
    precision TEXT,
    asked TEXT,
    operating_point TEXT,
    threshold DOUBLE PRECISION,
    decision TEXT,
    probability DOUBLE PRECISION,
    stage BIGINT,
    duration_ms DOUBLE PRECISION,
    phases_ms TEXT,
    software TEXT,
    times BIGINT,
    detail TEXT,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE INDEX audit_entry_at ON audit_entry (at);
CREATE INDEX audit_entry_request_id ON audit_entry (request_id);
CREATE INDEX audit_entry_image_sha256 ON audit_entry (image_sha256);
CREATE TABLE audit_head (sequence BIGINT NOT NULL, hash TEXT NOT NULL);
INSERT INTO audit_head (sequence, hash) VALUES (0, '0000000000000000000000000000000000000000000000000000000000000000');
