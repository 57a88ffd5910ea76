-- ms since the moment up to which the node had seen all of the log, as it said at its last renewal.
ALTER TABLE nodes ADD COLUMN lag integer NOT NULL DEFAULT 0;
