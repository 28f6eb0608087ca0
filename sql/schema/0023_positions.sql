-- A message that goes takes its positions with it, in whosever streams they stand; some of those that went before left theirs.
CREATE INDEX stream_message ON stream (message_id);
CREATE TRIGGER message_leaves_streams AFTER DELETE ON message BEGIN
    DELETE FROM stream WHERE message_id = old.id;
END;
DELETE FROM stream WHERE NOT EXISTS (SELECT 1 FROM message m WHERE m.id = stream.message_id);
