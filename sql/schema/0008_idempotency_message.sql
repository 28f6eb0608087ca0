-- Scrubbing a message finds its idempotency record without reading all of its sender's.
CREATE INDEX idempotency_message ON idempotency (message_public_id);
