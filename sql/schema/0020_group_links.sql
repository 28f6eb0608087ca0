-- An invite link may be for a group, made by one of those who run it; NULL: for none, made by the operator.
ALTER TABLE admission ADD COLUMN group_id INTEGER REFERENCES grp (id) ON DELETE CASCADE;
ALTER TABLE admission ADD COLUMN maker_id INTEGER REFERENCES account (id) ON DELETE CASCADE;
ALTER TABLE admission ADD COLUMN admits INTEGER NOT NULL DEFAULT 1;  -- past the allow-list
CREATE INDEX admission_group ON admission (group_id, maker_id) WHERE group_id IS NOT NULL;
CREATE INDEX admission_maker ON admission (maker_id) WHERE maker_id IS NOT NULL;

-- The link that let an address in, while it has not joined the group of it.
ALTER TABLE access_request ADD COLUMN admission_id INTEGER REFERENCES admission (id) ON DELETE SET NULL;
CREATE INDEX access_request_admission ON access_request (admission_id) WHERE admission_id IS NOT NULL;
