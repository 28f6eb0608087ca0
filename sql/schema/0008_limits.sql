-- What keeps one user from stopping the others.

-- Sign-in codes belong to whoever asked for them: a few may be alive for an address at a time. They live ten minutes.
DROP TABLE login_code;
CREATE TABLE login_code (
    id INTEGER PRIMARY KEY,
    email TEXT NOT NULL,
    client_mac BLOB NOT NULL,           -- keyed hash of the client address that asked; empty: the operator did
    code_mac BLOB NOT NULL,
    tries INTEGER NOT NULL,             -- wrong ones of that client
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX login_code_email ON login_code (email);
CREATE INDEX login_code_expires ON login_code (expires_at);

-- Keyed hash of the client address that the session was last seen at: strangers cannot use up its share of sign-in calls.
ALTER TABLE session ADD COLUMN client_mac BLOB;

-- What was sent and waits still: a row goes when its message was delivered (to a group: to everybody), scrubbed, expired or
-- withdrawn. The sums by sender and recipient are what quotas look at.
CREATE TABLE message_wait (
    message_id INTEGER PRIMARY KEY REFERENCES message (id) ON DELETE CASCADE,
    sender_id INTEGER NOT NULL,
    to_id INTEGER NOT NULL,             -- an account, minus a group, or 0 for the outside
    bytes INTEGER NOT NULL
) STRICT;
CREATE TABLE waiting (
    sender_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    to_id INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (sender_id, to_id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER message_waits AFTER INSERT ON message_wait BEGIN
    INSERT INTO waiting (sender_id, to_id, messages, bytes) VALUES (new.sender_id, new.to_id, 1, new.bytes)
    ON CONFLICT (sender_id, to_id) DO UPDATE SET messages = waiting.messages + 1, bytes = waiting.bytes + excluded.bytes;
END;
CREATE TRIGGER message_waits_no_more AFTER DELETE ON message_wait BEGIN
    UPDATE waiting SET messages = messages - 1, bytes = bytes - old.bytes
    WHERE sender_id = old.sender_id AND to_id = old.to_id;
    DELETE FROM waiting WHERE sender_id = old.sender_id AND to_id = old.to_id AND messages <= 0;
END;
CREATE TRIGGER delivery_waits_no_more AFTER UPDATE OF state ON delivery WHEN old.state < 2 AND new.state >= 2 BEGIN
    DELETE FROM message_wait WHERE message_id = new.message_id AND to_id >= 0;
END;
CREATE TRIGGER message_is_final AFTER UPDATE OF final_at ON message WHEN new.final_at > 0 BEGIN
    DELETE FROM message_wait WHERE message_id = new.id;
END;
CREATE TRIGGER message_is_scrubbed AFTER UPDATE OF scrubbed_at ON message WHEN new.scrubbed_at > 0 BEGIN
    DELETE FROM message_wait WHERE message_id = new.id;
END;
INSERT INTO message_wait (message_id, sender_id, to_id, bytes)
SELECT m.id, m.sender_id, coalesce(-m.group_id, d.account_id), length(m.body) + length(m.address)
FROM message m JOIN delivery d ON d.message_id = m.id
WHERE m.final_at = 0 AND m.scrubbed_at = 0 AND m.sender_id IS NOT NULL AND d.state < 2
GROUP BY m.id;

-- Being added to a group is an invitation; who declines one hears of that group's next ones no more until it is forgotten.
ALTER TABLE account ADD COLUMN group_invites INTEGER NOT NULL DEFAULT 0;   -- from: 0 anybody, 1 contacts, 2 nobody
CREATE TABLE group_invite (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    public_id BLOB NOT NULL UNIQUE,
    group_id INTEGER NOT NULL REFERENCES grp (id) ON DELETE CASCADE,
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    inviter_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    role INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    declined_at INTEGER NOT NULL,       -- 0: it waits for an answer
    UNIQUE (group_id, account_id)
) STRICT;
CREATE INDEX group_invite_account ON group_invite (account_id, id);
CREATE INDEX group_invite_inviter ON group_invite (inviter_id);
CREATE INDEX group_invite_created ON group_invite (created_at);
