-- Stored consumers of the log (docs/log-consumers.md): one node at a time owns each, and a batch may end within a window.

-- The last entry that was handled of the window from window_from to window_to, in order of (room_id, seq); null: none of the next window.
-- It counts only while window_from is the checkpoint: a node of the release before moves that alone.
ALTER TABLE log_readers
  ADD COLUMN window_from bigint,
  ADD COLUMN window_to   bigint,
  ADD COLUMN room_id     bigint,
  ADD COLUMN seq         bigint;

-- Apart from the position, whose row a handler's transaction has locked: a renewal must not wait for it.
CREATE TABLE log_consumers (
  name         text PRIMARY KEY REFERENCES log_readers (name) ON DELETE CASCADE,
  -- A run of a node; null: none.
  owner        uuid,
  -- By the database's clock.
  leased_until timestamptz,
  paused_at    timestamptz,
  -- The log went on without it: entries after lost_checkpoint are gone. Until a replay it handles nothing and holds nothing.
  behind_retention_at timestamptz,
  lost_checkpoint     bigint,
  -- Grows with each command (pause, resume, replay), so that the owner reads its position again.
  version      bigint NOT NULL DEFAULT 0
);
INSERT INTO log_consumers (name) SELECT name FROM log_readers;

-- Renews this owner's leases, and takes those that are free. What another transaction has locked is left for the next call.
-- `runs`: the owner may hand out batches.
CREATE FUNCTION log_consumers_lease(p_owner uuid, p_names text[], p_ms float8)
RETURNS TABLE (name text, runs boolean, version bigint) LANGUAGE sql AS $$
  WITH free AS (
    SELECT c.name FROM log_consumers c
    WHERE c.name = ANY (p_names) AND (c.owner = p_owner OR c.owner IS NULL OR c.leased_until < clock_timestamp())
    ORDER BY c.name FOR UPDATE SKIP LOCKED)
  UPDATE log_consumers c SET owner = p_owner, leased_until = clock_timestamp() + p_ms * interval '1 ms'
  FROM free WHERE c.name = free.name
  RETURNING c.name, c.paused_at IS NULL AND c.behind_retention_at IS NULL, c.version
$$;

-- Entries that a consumer failed at until it went on without them, with the last error. Rows go after 30 days.
-- Personal data: the name of a room may be that of a person, and an error may quote what it failed at.
CREATE TABLE log_parked (
  id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  consumer  text NOT NULL REFERENCES log_consumers (name) ON DELETE CASCADE,
  room      text NOT NULL,
  seq       bigint NOT NULL,
  epoch     text NOT NULL,
  type      text NOT NULL,
  attempts  int NOT NULL,
  error     text NOT NULL,
  parked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (consumer, room, epoch, seq)
);
