-- Invite links: whoever has one signs in past the allow-list. Only the hash of its token is kept.
CREATE TABLE admission (
    id INTEGER PRIMARY KEY,
    public_id BLOB NOT NULL UNIQUE,
    token_hash BLOB NOT NULL UNIQUE,
    uses_left INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
