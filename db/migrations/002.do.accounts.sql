-- People, their sign-ins, and what guards them. Personal data: users, sessions, password_resets and bans are erased and
-- exported by src/identity/erase.ts (sessions and resets go with the user by ON DELETE CASCADE); rate_limits holds hashes of
-- addresses and accounts and is swept every hour; the other tables hold no personal data beyond the id of who made a row.
-- Hashes are SHA-256 in base64url.

CREATE TABLE users (
  -- A Snowflake of ours, or the subject of a foreign issuer as its token writes it.
  id            text PRIMARY KEY CHECK (id ~ '^[A-Za-z0-9_.:-]{1,64}$'),
  -- Null: an account made here. Otherwise who vouches for the person; (issuer, id) never changes.
  issuer        text,
  username      text NOT NULL,
  -- The name as compared: NFKC, lower case; made by the server, so that every PostgreSQL compares and sorts alike.
  username_key  text COLLATE "C" NOT NULL CONSTRAINT users_username UNIQUE,
  name          text,
  -- Lower case. Unique among accounts made here; a foreign issuer's claim neither blocks nor finds one of those.
  email         text,
  phone         text,
  role          text NOT NULL DEFAULT 'member' CHECK (role IN ('owner', 'admin', 'member')),
  -- argon2id, PHC string. Null for people of foreign issuers and erased ones.
  password_hash text,
  created_at    timestamptz NOT NULL DEFAULT now(),
  erased_at     timestamptz
);
CREATE UNIQUE INDEX users_email ON users (email) WHERE issuer IS NULL;

CREATE TABLE sessions (
  id           text PRIMARY KEY,
  user_id      text NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  -- Hash of the cookie's value.
  cookie_hash  text NOT NULL UNIQUE,
  device_name  text,
  ip           text,
  user_agent   text,
  created_at   timestamptz NOT NULL DEFAULT now(),
  last_seen_at timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- Every refresh token a session ever had: one is unused, all others are proof of reuse. Gone with their session.
CREATE TABLE refresh_tokens (
  -- Hash of the token.
  hash       text PRIMARY KEY,
  session_id text NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  used_at    timestamptz,
  -- The successor is HMAC-SHA256(key: the used token, data: this). So the same one can be answered again, and is stored nowhere.
  nonce      text CHECK ((nonce IS NULL) = (used_at IS NULL))
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);

-- Ed25519 keys of our access tokens, as JWK. The newest signs; older ones verify until their last token has expired.
CREATE TABLE signing_keys (
  kid         text PRIMARY KEY,
  private_jwk jsonb NOT NULL,
  public_jwk  jsonb NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now()
);
REVOKE ALL ON signing_keys FROM PUBLIC;

CREATE TABLE password_resets (
  -- Hash of the token in the link.
  hash         text PRIMARY KEY,
  user_id      text NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
  -- The token itself, only where no mail server is set: the owner hands the link over.
  shown_token  text,
  requested_at timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz NOT NULL
);

CREATE TABLE registration_invites (
  id         text PRIMARY KEY,
  code       text NOT NULL UNIQUE,
  max_uses   integer NOT NULL CHECK (max_uses > 0),
  uses       integer NOT NULL DEFAULT 0 CHECK (uses BETWEEN 0 AND max_uses),
  expires_at timestamptz,
  created_by text NOT NULL REFERENCES users (id),
  created_at timestamptz NOT NULL DEFAULT now()
);

-- A lifted ban stays as a record of who did what and why.
CREATE TABLE bans (
  id         text PRIMARY KEY,
  user_id    text NOT NULL REFERENCES users (id),
  reason     text NOT NULL,
  until      timestamptz,
  created_by text NOT NULL REFERENCES users (id),
  created_at timestamptz NOT NULL DEFAULT now(),
  lifted_by  text REFERENCES users (id),
  lifted_at  timestamptz
);
CREATE INDEX bans_standing ON bans (user_id) WHERE lifted_at IS NULL;

-- Fixed windows. The key is the hash of what is limited and of whom.
CREATE TABLE rate_limits (
  key       text PRIMARY KEY,
  hits      integer NOT NULL,
  resets_at timestamptz NOT NULL
);
CREATE INDEX rate_limits_expiry ON rate_limits (resets_at);
