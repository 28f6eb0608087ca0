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
