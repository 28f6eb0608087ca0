-- The user's own address book, kept for their clients on several machines: one document.
CREATE TABLE contacts (
    account_id INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    document TEXT NOT NULL,             -- a JSON list, as it was checked
    etag TEXT NOT NULL
) STRICT;
