-- When an admin disabled the account: until it is enabled nobody comes in with it. Exported and kept like the rest of the row.
ALTER TABLE users ADD COLUMN disabled_at timestamptz;
