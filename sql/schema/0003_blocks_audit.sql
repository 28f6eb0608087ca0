-- Blocks between users, and what admins did.

CREATE TABLE block (
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,  -- who blocks
    blocked_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    claimed_seq INTEGER NOT NULL,       -- how far the blocker's sessions had fetched by then
    PRIMARY KEY (account_id, blocked_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX block_blocked ON block (blocked_id);

-- Who, what, whom, when; nothing of any message.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,                -- chat address, or relayctl
    action TEXT NOT NULL,
    target TEXT NOT NULL
) STRICT;
