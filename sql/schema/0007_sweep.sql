-- Housekeeping: whose turn it is, and how the last pass went. One row.
CREATE TABLE sweep (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    lease_until INTEGER NOT NULL,       -- a pass is under way up to then
    started_at INTEGER NOT NULL,
    finished_at INTEGER NOT NULL,       -- of the last pass that came to its end; 0: none has
    duration_ms INTEGER NOT NULL,
    searched_at INTEGER NOT NULL,       -- last look for files without a row and rows without a file
    erased_at INTEGER NOT NULL,         -- an account was erased since the file was rebuilt; 0: none was
    rebuilt_at INTEGER NOT NULL,
    unclean_since INTEGER NOT NULL      -- scrubbed text may be in the WAL since then; 0: it is not
) STRICT;
INSERT INTO sweep (id, lease_until, started_at, finished_at, duration_ms, searched_at, erased_at, rebuilt_at,
    unclean_since) VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0);

CREATE INDEX session_expires ON session (expires_at) WHERE expires_at > 0;
