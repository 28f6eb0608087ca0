-- Addresses outside of the relay that a user does not want to hear from, in the form that compares.
CREATE TABLE block_outside (
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    channel TEXT NOT NULL,
    address TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, channel, address)
) STRICT, WITHOUT ROWID;
