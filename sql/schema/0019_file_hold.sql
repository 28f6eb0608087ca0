-- Recipients that have fetched the whole of a file: it is held until all of them have, or until its time is over.
CREATE TABLE file_fetch (
    file_id INTEGER NOT NULL REFERENCES file (id) ON DELETE CASCADE,
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    PRIMARY KEY (file_id, account_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX file_fetch_account ON file_fetch (account_id);

-- What expires_at was before the file was held, and is again once another message names it.
ALTER TABLE file ADD COLUMN unheld_expires_at INTEGER NOT NULL DEFAULT 0;
UPDATE file SET unheld_expires_at = expires_at;
