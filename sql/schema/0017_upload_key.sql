-- The key under which a client uploaded a file, as a keyed hash: the same key again answers the same file. NULL: without one.
ALTER TABLE file ADD COLUMN key_mac BLOB;
CREATE UNIQUE INDEX file_key ON file (owner_id, key_mac) WHERE key_mac IS NOT NULL;
