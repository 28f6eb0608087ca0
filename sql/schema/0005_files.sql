-- Files, and which messages name them. The bytes lie in the upload folder under the public id.

CREATE TABLE file (
    id INTEGER PRIMARY KEY,             -- by the clock of the streams, as messages
    public_id BLOB NOT NULL UNIQUE,
    owner_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    token_hash BLOB NOT NULL,
    label BLOB NOT NULL,                -- name and media type, sealed
    size INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL         -- 0: never
) STRICT;
CREATE INDEX file_owner ON file (owner_id, id, size);
CREATE INDEX file_expires ON file (expires_at) WHERE expires_at > 0;

CREATE TABLE message_file (
    message_id INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    file_id INTEGER NOT NULL REFERENCES file (id) ON DELETE CASCADE,
    PRIMARY KEY (message_id, file_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_file_file ON message_file (file_id);

-- Rows that went, whatever took them; each names bytes that are still to be removed.
CREATE TABLE file_gone (
    public_id BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;
CREATE TRIGGER file_goes AFTER DELETE ON file BEGIN
    INSERT INTO file_gone (public_id) VALUES (old.public_id) ON CONFLICT DO NOTHING;
    UPDATE content_key SET body_key = zeroblob(32) WHERE id = old.id;
END;

ALTER TABLE message ADD COLUMN duration_ms INTEGER;  -- of voice notes
