-- API keys, and messages that leave through a phone or through the relay itself.

-- A key is a session that does not expire: one look-up finds either, and each has its own place in the stream.
ALTER TABLE session ADD COLUMN scopes INTEGER NOT NULL DEFAULT 0;  -- 0: a session; else a key, by bits: 1 send, 2 receive, 4 phone, 8 admin
ALTER TABLE session ADD COLUMN phone_id TEXT NOT NULL DEFAULT '';  -- of a key: the one phone it speaks for; empty: any

-- Messages that came in through a phone: when it got them. Their sender_id is NULL.
ALTER TABLE message ADD COLUMN received_at INTEGER NOT NULL DEFAULT 0;

-- Messages to the outside, which have one delivery row, of account 0.
CREATE TABLE bridge (
    message_id INTEGER PRIMARY KEY REFERENCES message (id) ON DELETE CASCADE,
    owner_id INTEGER NOT NULL,          -- the sender
    channel TEXT NOT NULL,
    phone_id TEXT NOT NULL,             -- empty: any phone of the owner
    stage INTEGER NOT NULL,             -- 1 waits for a phone, 2 failed there for good, 0 neither
    created_at INTEGER NOT NULL,
    next_try_at INTEGER NOT NULL,       -- not handed out before: end of the lease, or of the pause after a failure
    tries INTEGER NOT NULL,             -- that failed
    leased_by TEXT NOT NULL,            -- phone that was handed it last
    lease_id BLOB,                      -- NULL: not handed out since the last failure
    bot_token TEXT,                     -- of tg_bot, until it is over
    last_error TEXT NOT NULL
) STRICT;
CREATE INDEX bridge_queue ON bridge (owner_id, phone_id, channel, next_try_at) WHERE stage = 1;
CREATE INDEX bridge_age ON bridge (owner_id, created_at) WHERE stage = 1;
CREATE INDEX bridge_failed ON bridge (owner_id, phone_id) WHERE stage = 2;

-- When a phone asked last; the newest hundred of each account.
CREATE TABLE phone (
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    phone_id TEXT NOT NULL,
    last_seen_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, phone_id)
) STRICT, WITHOUT ROWID;

-- The relay itself carries mail, and messages to Telegram by a bot. Rows of a message take text and addresses from it.
ALTER TABLE outbox ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;     -- 0 mail, 1 Telegram
ALTER TABLE outbox ADD COLUMN message_id INTEGER REFERENCES message (id) ON DELETE CASCADE;
CREATE INDEX outbox_message ON outbox (message_id) WHERE message_id IS NOT NULL;
ALTER TABLE account ADD COLUMN mail_reply_to INTEGER NOT NULL DEFAULT 0;  -- their mails name their address in Reply-To
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (kind, next_try_at);
CREATE INDEX outbox_expires ON outbox (expires_at);
