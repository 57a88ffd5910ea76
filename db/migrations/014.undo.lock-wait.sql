-- log_append as 001.do.log.sql made it, post_messages as 011.do.post-meta.sql did.
DROP FUNCTION post_messages(bigint[], bigint[], text[], text[], text[], bigint[], text[], text[], int);
DROP FUNCTION log_append(text[], bigint[], text[], text[], text[], int);

CREATE FUNCTION log_append(p_room text[], p_new_id bigint[], p_type text[], p_payload text[], p_meta text[])
RETURNS TABLE (n int, seq bigint) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET lock_timeout = '2s' AS $$
#variable_conflict use_column
DECLARE t timestamptz;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'log_append needs READ COMMITTED: under % it would number from a stale head', current_setting('transaction_isolation');
  END IF;
  -- Names sorted, and before any lock: two appends that make the same rooms wait for each other in one order.
  INSERT INTO rooms (id, name)
    SELECT min(u.id), u.name FROM unnest(p_new_id, p_room) AS u(id, name)
    WHERE NOT EXISTS (SELECT FROM rooms r WHERE r.name = u.name)
    GROUP BY u.name ORDER BY u.name
    ON CONFLICT (name) DO NOTHING;
  PERFORM 1 FROM rooms r WHERE r.name = ANY (p_room) ORDER BY r.id FOR NO KEY UPDATE;
  t := clock_timestamp();
  RETURN QUERY WITH
    i AS MATERIALIZED (
      SELECT u.n, r.id AS room_id, u.type, u.payload, u.meta, r.head + row_number() OVER (PARTITION BY r.id ORDER BY u.n) AS seq
      FROM unnest(p_room, p_type, p_payload, p_meta) WITH ORDINALITY AS u(room, type, payload, meta, n)
      JOIN rooms r ON r.name = u.room),
    appended AS (
      INSERT INTO log (room_id, seq, at, type, payload, meta)
      SELECT i.room_id, i.seq, t, i.type, i.payload, i.meta FROM i),
    moved AS (
      UPDATE rooms r SET head = x.head
      FROM (SELECT i.room_id, max(i.seq) AS head FROM i GROUP BY i.room_id) x WHERE r.id = x.room_id)
    SELECT i.n::int, i.seq FROM i ORDER BY i.n;
END $$;

CREATE FUNCTION post_messages(
  p_id bigint[], p_channel bigint[], p_author text[], p_client text[], p_content text[], p_reply_to bigint[], p_payload text[],
  p_meta text[] DEFAULT NULL
) RETURNS TABLE (n int, status text, id bigint, seq bigint, payload text)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET lock_timeout = '1s'
AS $$
#variable_conflict use_column
DECLARE
  now_at timestamptz;
  tail text;
BEGIN
  PERFORM 1 FROM rooms r WHERE r.id = ANY (p_channel) ORDER BY r.id FOR NO KEY UPDATE;
  now_at := clock_timestamp();
  tail := ',"created_at":"' || to_char(now_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || '"}';

  RETURN QUERY
  WITH post AS (
    SELECT u.*, r.head, old.id AS old_id,
      CASE
        WHEN m.user_id IS NULL OR c.deleted_at IS NOT NULL THEN 'refused'
        WHEN old.id IS NOT NULL THEN 'repeat'
        WHEN u.reply_to_id IS NOT NULL AND q.id IS NULL THEN 'reply'
      END AS answer
    FROM unnest(p_id, p_channel, p_author, p_client, p_content, p_reply_to, p_payload, p_meta)
      WITH ORDINALITY AS u (id, channel_id, author_id, client_id, content, reply_to_id, payload, meta, n)
    LEFT JOIN rooms r ON r.id = u.channel_id
    LEFT JOIN channels c ON c.id = u.channel_id
    LEFT JOIN members m ON m.channel_id = u.channel_id AND m.user_id = u.author_id
    LEFT JOIN messages old ON old.channel_id = u.channel_id AND old.author_id = u.author_id AND old.client_id = u.client_id
    LEFT JOIN messages q ON q.id = u.reply_to_id AND q.channel_id = u.channel_id AND q.deleted_at IS NULL
  ),
  -- Of posts with one client_id in this very batch only the first is new; the others get its answer.
  twin AS (
    SELECT p.*, p.client_id IS NULL OR first_value(p.n) OVER same = p.n AS is_first,
      first_value(p.answer) OVER same AS first_answer, first_value(p.id) OVER same AS first_id
    FROM post p WINDOW same AS (PARTITION BY p.channel_id, p.author_id, p.client_id ORDER BY p.n)
  ),
  judged AS MATERIALIZED (
    SELECT t.*, t.payload || tail AS entry, coalesce(t.answer, CASE WHEN t.is_first THEN 'new' ELSE coalesce(t.first_answer, 'repeat') END) AS status,
      t.head + count(*) FILTER (WHERE t.answer IS NULL AND t.is_first) OVER (PARTITION BY t.channel_id ORDER BY t.n) AS seq
    FROM twin t
  ),
  fresh AS (SELECT * FROM judged WHERE judged.status = 'new'),
  to_messages AS (
    INSERT INTO messages (id, channel_id, seq, author_id, client_id, content, reply_to_id, created_at)
    SELECT f.id, f.channel_id, f.seq, f.author_id, f.client_id, f.content, f.reply_to_id, date_trunc('milliseconds', now_at)
    FROM fresh f
  ),
  to_log AS (
    INSERT INTO log (room_id, seq, at, type, payload, meta)
    SELECT f.channel_id, f.seq, now_at, 'message:created', f.entry, f.meta FROM fresh f
  ),
  to_rooms AS (
    UPDATE rooms r SET head = h.head
    FROM (SELECT f.channel_id, max(f.seq) AS head FROM fresh f GROUP BY f.channel_id) h
    WHERE r.id = h.channel_id
  )
  SELECT j.n::int, j.status, coalesce(j.old_id, CASE WHEN j.is_first THEN j.id ELSE j.first_id END),
    j.seq, j.entry
  FROM judged j ORDER BY j.n;
END $$;
