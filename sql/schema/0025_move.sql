-- What is of this very database and stays when all else moves to another one.
CREATE TABLE this_database (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    database_id BLOB,                   -- keys in slots are of one
    filled_by TEXT,                     -- the move that brought what it holds; NULL: none did
    left_by TEXT                        -- the move that took it elsewhere; NULL: it is in use
) STRICT;
INSERT INTO this_database (id, database_id) SELECT 1, database_id FROM meta;
ALTER TABLE meta DROP COLUMN database_id;

-- Where the database is a server's: how much of each machine's file of tombstones is carried out in it. A database that was put
-- back knows of less, and the rest is carried out once more.
CREATE TABLE tombstone_file (
    node_id BLOB PRIMARY KEY,
    bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
