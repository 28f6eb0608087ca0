-- What was scrubbed before these columns were known to be content.
UPDATE message SET event = NULL WHERE scrubbed_at > 0 AND event IS NOT NULL;
UPDATE message SET group_id = NULL, about_id = NULL WHERE scrubbed_at > 0 AND final_at > 0 AND length(address) = 0;
UPDATE bridge SET last_error = '', bot_token = NULL WHERE message_id IN (SELECT id FROM message WHERE scrubbed_at > 0);
-- Copies that stand in gaps of pages go when the file is rebuilt.
UPDATE sweep SET erased_at = 1 WHERE erased_at = 0 AND EXISTS (SELECT 1 FROM message);

-- Why a message failed, as a number of SMTP or HTTP: what is kept of the reason once the message was scrubbed. 0: none.
ALTER TABLE bridge ADD COLUMN error_code INTEGER NOT NULL DEFAULT 0;
