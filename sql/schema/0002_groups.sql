-- Groups, blocks, contacts, and what admins did.

CREATE TABLE grp (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given out twice
    public_id BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    search_key TEXT NOT NULL,           -- case-folded name, for the directory
    is_public INTEGER NOT NULL,
    is_stream INTEGER NOT NULL,         -- only owner, admin and writer may send
    is_open INTEGER NOT NULL,           -- joining a public group needs no approval
    member_count INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX grp_public ON grp (id) WHERE is_public = 1;

CREATE TABLE grp_member (
    group_id INTEGER NOT NULL REFERENCES grp (id) ON DELETE CASCADE,
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    role INTEGER NOT NULL,              -- 0 member, 1 writer, 2 admin, 3 owner
    joined_at INTEGER NOT NULL,
    PRIMARY KEY (group_id, account_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX grp_member_account ON grp_member (account_id, group_id);

-- The last place that any of an account's groups got for it: a poll looks into the groups' streams only after news.
CREATE TABLE group_news (
    account_id INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL
) STRICT;

-- Pending ones only: a decided request is gone.
CREATE TABLE join_request (
    id INTEGER PRIMARY KEY,
    public_id BLOB NOT NULL UNIQUE,
    group_id INTEGER NOT NULL REFERENCES grp (id) ON DELETE CASCADE,
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    UNIQUE (group_id, account_id)
) STRICT;
CREATE INDEX join_request_account ON join_request (account_id);

ALTER TABLE message ADD COLUMN group_id INTEGER;   -- NULL: not sent to a group
ALTER TABLE message ADD COLUMN event TEXT;         -- JSON, on system messages of groups
-- On system messages: whom they are about. They go when that account goes.
ALTER TABLE message ADD COLUMN about_id INTEGER REFERENCES account (id) ON DELETE CASCADE;
CREATE INDEX message_about ON message (about_id) WHERE about_id IS NOT NULL;
CREATE INDEX message_group ON message (group_id, id) WHERE group_id IS NOT NULL;
