-- What clients keep of their own for a user: one text, sealed. Its key stands alone, is overwritten with each new text and with
-- zeros when the account goes; rows are only ever appended there, as in content_key.
CREATE TABLE prefs (
    account_id INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    key_id INTEGER NOT NULL,            -- by the clock of the streams
    public_id BLOB NOT NULL,            -- what the text is sealed for
    body BLOB NOT NULL,
    etag TEXT NOT NULL
) STRICT;
CREATE TABLE prefs_key (
    id INTEGER PRIMARY KEY,
    body_key BLOB NOT NULL
) STRICT;
CREATE TRIGGER prefs_go AFTER DELETE ON prefs BEGIN
    UPDATE prefs_key SET body_key = zeroblob(32) WHERE id = old.key_id;
END;
