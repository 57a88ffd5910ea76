-- What admins set and what they did, and bans of address ranges.

-- Options that an admin changed on a running cluster; they go before the environment until their row is removed.
-- No personal data beyond the id of who set them. Secrets cannot be set here.
CREATE TABLE settings (
  name   text PRIMARY KEY,
  -- As it would be written in the environment.
  value  text NOT NULL,
  set_by text NOT NULL,
  set_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Acts of admins, each written in the transaction of the act. Rows go after AUDIT_RETENTION.
-- Personal data: actor_name and address, blanked when the person is erased, and exported (src/platform/audit.ts). The ids stay.
CREATE TABLE audit (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- A user's id, a service token's id, or 'system' for what was done on the machine itself.
  actor      text NOT NULL,
  actor_name text,
  action     text NOT NULL,
  -- What it was done to: 'user:<id>', 'ban:<id>', 'setting:<NAME>', 'node:<id>' …
  subject    text NOT NULL,
  detail     jsonb NOT NULL DEFAULT '{}',
  address    text
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_actor ON audit (actor, id);
CREATE INDEX audit_action ON audit (action, id);

-- A ban is of a person or of a range of addresses.
ALTER TABLE bans ALTER COLUMN user_id DROP NOT NULL;
ALTER TABLE bans ADD COLUMN ip_range cidr;
ALTER TABLE bans ADD CONSTRAINT bans_of_one CHECK (num_nonnulls(user_id, ip_range) = 1);
CREATE INDEX bans_ranges ON bans (id) WHERE ip_range IS NOT NULL AND lifted_at IS NULL;
