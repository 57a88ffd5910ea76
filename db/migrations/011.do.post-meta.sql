-- post_messages takes the entries' meta as well: the trace that a post is part of, for nodes that get it from the log. A node of the
-- release before calls it without, and gets none.
DROP FUNCTION post_messages(bigint[], bigint[], text[], text[], text[], bigint[], text[]);

-- Group commit of posts: one call per batch, one transaction, one fsync.
--
-- p_payload is the entry's JSON text as the node made it, but for its end: `,"created_at":"…"}` is put on here, from the
-- clock after the lock. p_meta is the entry's meta, null for nothing to say. What comes back is the text as it stands in the log, so that nobody makes it twice.
--
-- One row per post, in order: status `new` (seq and payload as in the log); `repeat` (id = the message that has this
-- client_id); `refused` (no such channel, deleted, or not a member of it); `reply` (reply_to_id is not a message of this
-- channel, or is deleted). Each join is a look-up by index: no step grows faster than the batch.
--
-- The locks are a statement of their own: the next statement's snapshot is younger than they are. In one statement a post
-- that waited for a removal would still see the member, and the same client_id sent twice at once would get two log rows.
-- The settings keep the plan made once, and by index: it may be made while the tables are empty. Who waits for a lock keeps the
-- rest of its batch waiting, so it is given up soon and each room is tried again by itself (src/platform/postgres/lanes.ts).
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
