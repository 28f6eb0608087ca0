-- What a day (UTC) came to, counted by housekeeping: how much was sent, how many people were here. Nothing of whom.
CREATE TABLE day_figure (
    day INTEGER PRIMARY KEY,            -- since 1970
    messages INTEGER NOT NULL,          -- texts and voice notes of users
    users INTEGER NOT NULL,             -- accounts with a session that was seen then
    accounts INTEGER NOT NULL           -- as many as there were at its end
) STRICT;

-- Messages are counted up to this one.
ALTER TABLE sweep ADD COLUMN counted_seq INTEGER NOT NULL DEFAULT 0;
