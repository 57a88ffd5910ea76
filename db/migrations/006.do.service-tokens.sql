-- Tokens with which other teams' back ends call. Of a secret only its SHA-256 is kept (256 random bits need no salt).
-- No personal data beyond the id of who made a token.

CREATE TABLE service_tokens (
  id                  bigint PRIMARY KEY,
  name                text NOT NULL,
  secret_hash         bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
  -- The secret before the last rotation, good until then.
  previous_hash       bytea CHECK (octet_length(previous_hash) = 32),
  previous_until      timestamptz,
  scopes              text[] NOT NULL,
  -- A room's name, or a beginning and '*'.
  rooms               text[] NOT NULL,
  created_by          text NOT NULL,
  created_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
  rotated_at          timestamptz,
  expires_at          timestamptz,
  -- To the minute: written in batches.
  last_used_at        timestamptz
);
