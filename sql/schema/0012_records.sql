-- Records have an age: messages whose text is gone, and the audit log.
CREATE INDEX message_record ON message (created_at) WHERE final_at > 0 AND scrubbed_at > 0;
CREATE INDEX audit_at ON audit (at);
-- Messages with buttons name the request that they are about, by its id alone.
CREATE INDEX message_actions ON message (id) WHERE actions IS NOT NULL;
-- The audit log names requests, not whose they are.
UPDATE audit SET target = coalesce((SELECT 'req_' || lower(hex(q.public_id)) FROM access_request q WHERE q.email = audit.target), 'erased')
    WHERE action IN ('approve-access', 'deny-access');

-- The folder of files as it was when it was last searched, by device and inode: another one may not be mounted.
ALTER TABLE sweep ADD COLUMN files_dev INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sweep ADD COLUMN files_ino INTEGER NOT NULL DEFAULT 0;
-- When the whole database was checked last, and whether a page of it was found damaged.
ALTER TABLE sweep ADD COLUMN checked_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sweep ADD COLUMN damaged INTEGER NOT NULL DEFAULT 0;

-- The database was used with a server key: it is worth nothing to make another when that one is missing.
ALTER TABLE meta ADD COLUMN keyed INTEGER NOT NULL DEFAULT 0;
