-- The first schema. Times are Unix milliseconds; booleans are 0 or 1; public ids and hashes are raw bytes.
-- No text of a message is ever indexed, so that clearing one column clears it.

-- One row. stream_seq is the clock of all streams: it only ever grows, whatever the wall clock does.
CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    stream_seq INTEGER NOT NULL,
    probed_at INTEGER NOT NULL          -- last time a health check wrote here
) STRICT;
INSERT INTO meta (id, stream_seq, probed_at) VALUES (1, 0, 0);

CREATE TABLE account (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given out twice
    email TEXT NOT NULL UNIQUE,         -- lower case
    chat_address TEXT NOT NULL UNIQUE,  -- stable for life
    display_name TEXT NOT NULL,         -- empty: the chat address is shown
    search_key TEXT NOT NULL,           -- case-folded name and address, for the directory
    language TEXT NOT NULL,
    role INTEGER NOT NULL,              -- 0 user, 1 admin
    public_visible INTEGER NOT NULL,
    hidden INTEGER NOT NULL,
    blocked INTEGER NOT NULL,
    delivered_seq INTEGER NOT NULL,     -- all of the stream up to here was confirmed by some session
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX account_public ON account (chat_address) WHERE public_visible = 1 AND hidden = 0 AND blocked = 0;
CREATE INDEX account_admin ON account (id) WHERE role = 1;

-- Addresses of erased accounts, as keyed hashes: never given out again.
CREATE TABLE retired_address (
    address_mac BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
    id INTEGER PRIMARY KEY,
    public_id BLOB NOT NULL UNIQUE,
    token_hash BLOB NOT NULL UNIQUE,
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    device_name TEXT NOT NULL,
    session_name TEXT NOT NULL,
    listen_channel TEXT NOT NULL,
    visible INTEGER NOT NULL,
    start_seq INTEGER NOT NULL,         -- where an empty cursor begins
    sent_seq INTEGER NOT NULL,          -- end of the last answer, for clients without a cursor
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,        -- 0: never
    last_seen_at INTEGER NOT NULL
) STRICT;
CREATE INDEX session_account ON session (account_id);

CREATE TABLE login_code (
    email TEXT PRIMARY KEY,
    code_mac BLOB NOT NULL,
    tries INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Counters of a fixed window; the key is a keyed hash of what is counted, never the address itself.
CREATE TABLE throttle (
    key_mac BLOB PRIMARY KEY,
    hits INTEGER NOT NULL,
    resets_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX throttle_resets ON throttle (resets_at);

CREATE TABLE access_request (
    id INTEGER PRIMARY KEY,
    public_id BLOB NOT NULL UNIQUE,
    email TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    status INTEGER NOT NULL,            -- 0 pending, 1 approved, 2 denied
    created_at INTEGER NOT NULL,
    decided_at INTEGER NOT NULL
) STRICT;

-- id is the stream clock at the time of sending.
CREATE TABLE message (
    id INTEGER PRIMARY KEY,
    public_id BLOB NOT NULL UNIQUE,
    sender_id INTEGER REFERENCES account (id) ON DELETE CASCADE,  -- NULL: the relay itself
    channel TEXT NOT NULL,
    kind TEXT NOT NULL,
    address BLOB NOT NULL,              -- where it went or came from, sealed; empty: scrubbed
    body BLOB NOT NULL,                 -- what it says, sealed; empty: scrubbed
    reply_to BLOB,                      -- public id of the message answered
    actions TEXT,                       -- JSON, on messages of the relay itself
    created_at INTEGER NOT NULL,
    edited_at INTEGER NOT NULL,
    deleted_at INTEGER NOT NULL,
    changed_seq INTEGER NOT NULL,       -- place of its last change in the streams; 0: none
    final_at INTEGER NOT NULL,          -- everybody has it, or it expired; 0: not yet
    scrubbed_at INTEGER NOT NULL        -- body and key are gone; 0: not yet
) STRICT;
CREATE INDEX message_open ON message (id) WHERE final_at = 0;
CREATE INDEX message_unscrubbed ON message (id) WHERE final_at > 0 AND scrubbed_at = 0;

-- The keys of bodies and addresses (XChaCha20-Poly1305), by the number of the message or file; zeros where they were
-- destroyed: then copies of what they sealed say nothing any more, wherever SQLite or a disk may have left one. Rows are only
-- ever appended, and overwritten in place with as many bytes: so no page is ever rearranged, which would leave copies.
CREATE TABLE content_key (
    id INTEGER PRIMARY KEY,
    body_key BLOB NOT NULL,
    address_key BLOB NOT NULL
) STRICT;
CREATE TRIGGER message_goes AFTER DELETE ON message BEGIN
    UPDATE content_key SET body_key = zeroblob(32), address_key = zeroblob(32) WHERE id = old.id;
END;
CREATE INDEX message_sender ON message (sender_id, id);

-- One row per recipient.
CREATE TABLE delivery (
    message_id INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    account_id INTEGER NOT NULL,
    state INTEGER NOT NULL,             -- 0 queued, 1 claimed, 2 delivered, 3 read, 4 sent, 5 failed, 6 expired
    delivered_at INTEGER NOT NULL,
    read_at INTEGER NOT NULL,
    removed_at INTEGER NOT NULL,        -- the recipient deleted it for themselves
    PRIMARY KEY (message_id, account_id)
) STRICT, WITHOUT ROWID;

-- What sessions fetch, in order. seq = message_id: the message itself; later: a change of it.
CREATE TABLE stream (
    stream_id INTEGER NOT NULL,         -- an account, or minus a group
    seq INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    PRIMARY KEY (stream_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    request_key TEXT NOT NULL,
    body_mac BLOB NOT NULL,
    message_public_id BLOB NOT NULL,
    status INTEGER NOT NULL,            -- state that was answered
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, request_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_message ON idempotency (message_public_id);

-- Mail that waits to leave; a row is gone once it left.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    next_try_at INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    last_error TEXT NOT NULL
) STRICT;
CREATE INDEX outbox_due ON outbox (next_try_at);
