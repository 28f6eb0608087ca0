-- What the relay itself tells of is a fact, sealed like what people write; words and buttons are made from it when it is read.
-- The request or invitation that its reader is to decide, by its public id alone.
ALTER TABLE message ADD COLUMN request_id BLOB;
UPDATE message SET request_id = coalesce(
    (SELECT q.public_id FROM access_request q WHERE instr(message.actions, '/req_' || lower(hex(q.public_id)) || '/') > 0),
    (SELECT j.public_id FROM join_request j WHERE instr(message.actions, '/req_' || lower(hex(j.public_id)) || '/') > 0),
    (SELECT i.public_id FROM group_invite i WHERE instr(message.actions, '/inv_' || lower(hex(i.public_id)) || '/') > 0))
    WHERE actions IS NOT NULL;
CREATE INDEX message_request ON message (request_id) WHERE request_id IS NOT NULL;

DROP INDEX message_actions;
ALTER TABLE message DROP COLUMN actions;
ALTER TABLE message DROP COLUMN event;
-- Copies that stand in gaps of pages go when the file is rebuilt.
UPDATE sweep SET erased_at = 1 WHERE erased_at = 0 AND EXISTS (SELECT 1 FROM message);
