-- API keys, and messages that leave through a phone or through the relay itself.

-- A key is a session that does not expire: one look-up finds either, and each has its own place in the stream.
ALTER TABLE session ADD COLUMN scopes INTEGER NOT NULL DEFAULT 0;  -- 0: a session; else a key, by bits: 1 send, 2 receive, 4 phone, 8 admin
ALTER TABLE session ADD COLUMN phone_id TEXT NOT NULL DEFAULT '';  -- of a key: the one phone it speaks for; empty: any
