-- Where a session's device is told that there is something to fetch: an address that a push service gave it. Nothing else ever goes there.
CREATE TABLE push (
    session_id INTEGER PRIMARY KEY REFERENCES session (id) ON DELETE CASCADE,
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    endpoint TEXT NOT NULL,
    notified_seq INTEGER NOT NULL,          -- it was told of what came up to there, by the clock of the streams
    next_at INTEGER NOT NULL,           -- nothing goes there before that
    tries INTEGER NOT NULL              -- that failed in a row
) STRICT;
CREATE INDEX push_account ON push (account_id);
