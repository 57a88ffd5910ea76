-- Webhooks: entries of the log, posted to the URLs of others.
--
-- Personal data: payload is a copy of the log entry's. Edits, deletions and erasures of messages are carried over to it by the
-- reader (src/bridges/webhooks/recorder.ts); what was sent goes 3 days after it was delivered, and 14 days after it failed.
--
-- Locks, always in this order: webhook_endpoints by id, then webhook_deliveries. Whoever makes a delivery that must wait for an
-- earlier one, or ends one that others wait for, holds the endpoint's row: so none waits for something that is over.

CREATE TABLE webhook_endpoints (
  id bigint PRIMARY KEY,                       -- a Snowflake
  url text NOT NULL,
  event_types text[] NOT NULL,                 -- patterns: message:created, message:*, *
  rooms text[] NOT NULL,                       -- patterns: channel:1, channel:*, *
  description text NOT NULL,
  ordered boolean NOT NULL,                    -- of deliveries made from now on
  secret text NOT NULL,                        -- whsec_…: signing needs it as it is
  old_secret text,                             -- signs as well until old_secret_until
  old_secret_until timestamptz,
  disabled_at timestamptz,
  disabled_reason text CHECK (disabled_reason IN ('admin', 'gone', 'failing', 'backlog')),
  failing_since timestamptz,                   -- the first failure since the last success
  paused_until timestamptz,                    -- it asked for it by Retry-After
  created_by text NOT NULL,                    -- a user id
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL)),
  CHECK ((old_secret IS NULL) = (old_secret_until IS NULL))
);

CREATE TABLE webhook_deliveries (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- grows with seq within a room
  endpoint_id bigint NOT NULL REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
  webhook_id text NOT NULL,                    -- the header webhook-id; the same at every attempt
  event_type text NOT NULL,
  room text,                                   -- null, as seq and epoch: a test event
  seq bigint,
  epoch text,
  message_id text,                             -- of a chat message, to find it when it is edited or deleted
  payload text NOT NULL,                       -- JSON text of an object
  occurred_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  in_order boolean NOT NULL,                   -- waits for the earlier ones of its room
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'failed')),
  next_attempt_at timestamptz,                 -- null while pending: waits for an earlier one. In an attempt: end of its lease
  attempts int NOT NULL DEFAULT 0,             -- ever begun; also fences a sender that was taken for dead
  tries int NOT NULL DEFAULT 0,                -- ended since it was made or last redelivered: the place in the schedule
  ended_at timestamptz CHECK ((ended_at IS NULL) = (status = 'pending'))
);

CREATE INDEX webhook_deliveries_endpoint ON webhook_deliveries (endpoint_id, id);
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (endpoint_id, room, in_order, id) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_failed ON webhook_deliveries (endpoint_id, id) WHERE status = 'failed';
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_attempt_at, id)
  WHERE status = 'pending' AND next_attempt_at IS NOT NULL;
CREATE INDEX webhook_deliveries_message ON webhook_deliveries (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (status, ended_at) WHERE status <> 'pending';

-- Personal data: response_preview is what the receiver answered, up to 1 kB. It goes with its delivery.
CREATE TABLE webhook_attempts (
  delivery_id bigint NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
  n int NOT NULL,
  at timestamptz NOT NULL,                     -- its end
  ms int NOT NULL,
  response_status int,                         -- null: no answer
  error text,
  response_preview text,
  PRIMARY KEY (delivery_id, n)
);

-- The hot statements. The settings keep their plans by index, also while the tables are empty or were never analysed.

-- Takes what is due, of each enabled endpoint at most p_most less what this node is busy with there (p_busy_endpoint, p_busy).
-- Rows that another node is taking are passed over. After p_lease ms whoever asks takes them anew.
CREATE FUNCTION webhook_claim(p_busy_endpoint bigint[], p_busy int[], p_most int, p_lease float8)
RETURNS TABLE (
  id bigint, endpoint_id bigint, webhook_id text, event_type text, room text, seq bigint, epoch text, payload text,
  occurred_at timestamptz, attempt int, tries int, url text, secret text, old_secret text, age float8
)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
  t timestamptz := clock_timestamp();
BEGIN
  RETURN QUERY
  WITH due AS MATERIALIZED (
    SELECT w.id, e.url, e.secret, CASE WHEN e.old_secret_until > t THEN e.old_secret END AS old_secret
    FROM webhook_endpoints e
    LEFT JOIN unnest(p_busy_endpoint, p_busy) AS b (endpoint_id, n) ON b.endpoint_id = e.id
    CROSS JOIN LATERAL (
      SELECT d.id FROM webhook_deliveries d
      WHERE d.endpoint_id = e.id AND d.status = 'pending' AND d.next_attempt_at <= t
      ORDER BY d.next_attempt_at, d.id LIMIT greatest(0, p_most - coalesce(b.n, 0)) FOR UPDATE SKIP LOCKED) w
    WHERE e.disabled_at IS NULL AND (e.paused_until IS NULL OR e.paused_until <= t))
  UPDATE webhook_deliveries d SET attempts = d.attempts + 1, next_attempt_at = t + p_lease * interval '1 millisecond'
  FROM due WHERE d.id = due.id
  RETURNING d.id, d.endpoint_id, d.webhook_id, d.event_type, d.room, d.seq, d.epoch, d.payload, d.occurred_at,
    d.attempts, d.tries, due.url, due.secret, due.old_secret, extract(epoch FROM t - d.occurred_at)::float8;
END $$;

-- Writes ends of attempts down, with their endpoints locked: result `delivered`, `failed`, `again` (after p_delay ms) or `released`
-- (not made: anybody may at once). Those whose lease was over and who were taken by another count for nothing.
-- Answers the lanes in which a delivery has ended.
CREATE FUNCTION webhook_end(
  p_id bigint[], p_attempt int[], p_result text[], p_delay float8[], p_ms int[], p_status int[], p_error text[], p_preview text[]
) RETURNS TABLE (endpoint_id bigint, room text)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
  t timestamptz := clock_timestamp();
BEGIN
  RETURN QUERY
  WITH written AS (
    UPDATE webhook_deliveries d SET
      status = CASE WHEN e.result IN ('delivered', 'failed') THEN e.result ELSE 'pending' END,
      tries = d.tries + CASE WHEN e.result = 'released' THEN 0 ELSE 1 END,
      next_attempt_at = CASE e.result WHEN 'again' THEN t + e.delay * interval '1 millisecond' WHEN 'released' THEN t END,
      ended_at = CASE WHEN e.result IN ('delivered', 'failed') THEN t END
    FROM unnest(p_id, p_attempt, p_result, p_delay, p_ms, p_status, p_error, p_preview)
      AS e (id, attempt, result, delay, ms, response_status, error, preview)
    -- Not `status = 'pending'`, which means the same: then a plan may walk the partial indexes in place of the primary key.
    WHERE d.id = e.id AND d.attempts = e.attempt AND d.ended_at IS NULL
    RETURNING d.id, d.endpoint_id, d.room, d.in_order, d.status, e.attempt, e.result, e.ms, e.response_status, e.error, e.preview),
  kept AS (
    INSERT INTO webhook_attempts (delivery_id, n, at, ms, response_status, error, response_preview)
    SELECT w.id, w.attempt, t, w.ms, w.response_status, w.error, w.preview FROM written w WHERE w.result <> 'released')
  SELECT w.endpoint_id, w.room FROM written w WHERE w.in_order AND w.status <> 'pending';
END $$;

-- Lets the first waiting delivery of each lane go, if none before it is pending. Called with the endpoints' rows locked.
CREATE FUNCTION webhook_release(p_endpoint bigint[], p_room text[]) RETURNS void
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
BEGIN
  UPDATE webhook_deliveries SET next_attempt_at = clock_timestamp()
  WHERE next_attempt_at IS NULL AND id = ANY (ARRAY(
    SELECT (SELECT d.id FROM webhook_deliveries d
            WHERE d.endpoint_id = l.endpoint_id AND d.room = l.room AND d.status = 'pending' AND d.in_order ORDER BY d.id LIMIT 1)
    FROM (SELECT DISTINCT * FROM unnest(p_endpoint, p_room) AS u (endpoint_id, room)) l));
END $$;
