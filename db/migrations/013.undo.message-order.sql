-- The order by id, as 003.do.chat.sql made it.
CREATE INDEX messages_channel ON messages (channel_id, id) INCLUDE (author_id, deleted_at);
CREATE INDEX messages_replies ON messages (reply_to_id, id) WHERE reply_to_id IS NOT NULL;
DROP INDEX messages_order, messages_replies_order;
COMMENT ON COLUMN members.read_id IS NULL;

CREATE OR REPLACE FUNCTION mark_read(p_channel bigint[], p_user text[], p_id bigint[])
RETURNS TABLE (n int, read_id bigint, unread int)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET lock_timeout = '1s'
AS $$
#variable_conflict use_column
BEGIN
  PERFORM 1 FROM members m
  WHERE (m.channel_id, m.user_id) IN (SELECT u.c, u.u FROM unnest(p_channel, p_user) AS u (c, u))
  ORDER BY m.channel_id, m.user_id FOR NO KEY UPDATE;

  UPDATE members m SET read_id = x.read_id
  FROM (
    SELECT u.c, u.u, least(max(u.id), coalesce((SELECT max(g.id) FROM messages g WHERE g.channel_id = u.c), 0)) AS read_id
    FROM unnest(p_channel, p_user, p_id) AS u (c, u, id) GROUP BY u.c, u.u
  ) x
  WHERE m.channel_id = x.c AND m.user_id = x.u AND m.read_id < x.read_id;

  RETURN QUERY
  SELECT u.n::int, m.read_id, unread_count(m.channel_id, m.user_id, m.read_id)
  FROM unnest(p_channel, p_user) WITH ORDINALITY AS u (c, u, n)
  JOIN members m ON m.channel_id = u.c AND m.user_id = u.u
  JOIN channels c ON c.id = u.c AND c.deleted_at IS NULL
  ORDER BY u.n;
END $$;

CREATE OR REPLACE FUNCTION unread_count(p_channel bigint, p_user text, p_read bigint) RETURNS int
LANGUAGE sql STABLE
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
  SELECT count(*)::int FROM (
    SELECT 1 FROM (
      SELECT g.author_id, g.deleted_at FROM messages g
      WHERE g.channel_id = p_channel AND g.id > p_read ORDER BY g.id DESC LIMIT 10000
    ) newest
    WHERE newest.deleted_at IS NULL AND newest.author_id <> p_user LIMIT 100
  ) behind
$$;
DROP FUNCTION move_read_marks(bigint[], text[], bigint[], boolean);
