-- Retired addresses: sixteen bytes of the keyed hash are as good as all, and fit a tombstone.
UPDATE retired_address SET address_mac = substr(address_mac, 1, 16);
