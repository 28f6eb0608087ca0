-- All devices of a person show the same conversation.

ALTER TABLE session ADD COLUMN confirmed_seq INTEGER NOT NULL DEFAULT 0;  -- this session has all of the stream up to here
-- It wants what its user's other sessions do. Sessions that never asked may be about to.
ALTER TABLE session ADD COLUMN own INTEGER NOT NULL DEFAULT 1;
UPDATE session SET confirmed_seq = start_seq, own = CASE WHEN scopes = 0 THEN 1 ELSE 0 END;
ALTER TABLE message ADD COLUMN session_id INTEGER;  -- that wrote it last; NULL: the relay itself, or not known

-- The last change in what became of a message, for its sender and for the other sessions of who read it. Its place is of the
-- streams' clock, so that one cursor covers both.
CREATE TABLE message_change (
    message_id INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    PRIMARY KEY (message_id, account_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_change_account ON message_change (account_id, seq);

-- Likewise of what a user keeps on the relay: 0 profile, 1 contacts, 2 blocks, 3 groups.
CREATE TABLE account_change (
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    subject INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (account_id, subject)
) STRICT, WITHOUT ROWID;
