-- Where the database is a server's: which machines have the keys of which epochs, under which the keys of texts are wrapped. The
-- keys of epochs themselves are never here.
CREATE TABLE epoch (
    number INTEGER PRIMARY KEY,         -- by the time when it was made; never given out twice
    state INTEGER NOT NULL,             -- 0 next, 1 current, 2 old: what is under it moves, 3 closed: nothing is, 4 destroyed
    since INTEGER NOT NULL              -- it is in that state
) STRICT;

-- Machines. A public half is used once.
CREATE TABLE node (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    public_half BLOB NOT NULL,          -- for boxes, and its MAC under the server's key
    seen_at INTEGER NOT NULL,
    struck_at INTEGER NOT NULL          -- it was too late with overwriting a key, and named; 0: it was not
) STRICT, WITHOUT ROWID;

-- A row goes once the machine has overwritten the key.
CREATE TABLE node_epoch (
    node_id BLOB NOT NULL REFERENCES node (id) ON DELETE CASCADE,
    epoch INTEGER NOT NULL REFERENCES epoch (number) ON DELETE CASCADE,
    box BLOB NOT NULL,                  -- the key with a MAC, for that machine alone; empty: it has it
    PRIMARY KEY (node_id, epoch)
) STRICT, WITHOUT ROWID;
CREATE INDEX node_epoch_epoch ON node_epoch (epoch);

-- Wrapped keys that live: in a file of one's own there are none.
CREATE INDEX content_key_wrapped ON content_key (id) WHERE length(body_key) > 32 OR length(address_key) > 32;
CREATE INDEX prefs_key_wrapped ON prefs_key (id) WHERE length(body_key) > 32;

-- Which database it is: keys in slots are of one.
ALTER TABLE meta ADD COLUMN database_id BLOB;
