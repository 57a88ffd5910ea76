-- A session that a service had made (auth.AuthService/GenerateToken) lives no longer than the token that made it.
ALTER TABLE sessions
  -- Null: the person signed in, or a token of the configuration made it. Gone with the service token, whoever removes that.
  ADD COLUMN service_token_id bigint REFERENCES service_tokens (id) ON DELETE CASCADE,
  -- Null: the person signed in. Else the id of the service token, or which one of the configuration.
  ADD COLUMN issued_by text,
  -- When it ends at the latest; null: with its use.
  ADD COLUMN ends_at timestamptz;
CREATE INDEX sessions_service_token ON sessions (service_token_id) WHERE service_token_id IS NOT NULL;
-- Which token made those before is not known: they end, and services ask for new ones.
DELETE FROM sessions WHERE device_name LIKE 'service %' AND ip = '127.0.0.1' AND user_agent IS NULL;
