-- A channel's messages are in the order of their seq. Their ids are made by each node's own clock, before a post is queued, so
-- of two messages the later one may have the smaller id: ids name messages, and nothing is ordered or compared by them.
--
-- Nodes of the release before go on meanwhile: unread_count and mark_read keep their names and parameters and go by seq from
-- now on, so their counts and marks are right as well, and a mark stays what it was, the id of a message. Their pages are still
-- sorted by id, and slower, as the indexes by id are gone: posting does not pay for two.

-- A mark could be any number that a client sent. Now it is a message of its channel, or 0.
UPDATE members m SET read_id = coalesce(
  (SELECT g.id FROM messages g WHERE g.channel_id = m.channel_id AND g.id < m.read_id ORDER BY g.id DESC LIMIT 1), 0)
WHERE m.read_id <> 0 AND NOT EXISTS (SELECT FROM messages g WHERE g.id = m.read_id AND g.channel_id = m.channel_id);

-- Pages and unread counts walk the same index.
CREATE UNIQUE INDEX messages_order ON messages (channel_id, seq) INCLUDE (author_id, deleted_at);
CREATE INDEX messages_replies_order ON messages (reply_to_id, seq) WHERE reply_to_id IS NOT NULL;
DROP INDEX messages_channel, messages_replies;

COMMENT ON COLUMN members.read_id IS 'The newest message read, by seq; 0: none. It only moves to messages of a higher seq.';

-- Messages of others after the message p_read (0: all), at most 100, among the newest 10,000; see 003.do.chat.sql.
CREATE OR REPLACE FUNCTION unread_count(p_channel bigint, p_user text, p_read bigint) RETURNS int
LANGUAGE sql STABLE
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
  SELECT count(*)::int FROM (
    SELECT 1 FROM (
      SELECT g.author_id, g.deleted_at FROM messages g
      WHERE g.channel_id = p_channel AND g.seq > coalesce((SELECT r.seq FROM messages r WHERE r.id = p_read), 0)
      ORDER BY g.seq DESC LIMIT 10000
    ) newest
    WHERE newest.deleted_at IS NULL AND newest.author_id <> p_user LIMIT 100
  ) unread
$$;

-- Moves the read marks of a batch: each only to a message of a higher seq. Answers, for each row whose person is a member and
-- whose message is one of the channel's, the mark as it stands, its seq, the unread count (at most 100), and the head of the
-- channel's log that the count was made at; no row for the others. With p_skip_held nothing is done of marks whose row another
-- transaction holds, and their row is of nulls: see 014.do.lock-wait.sql.
CREATE FUNCTION move_read_marks(p_channel bigint[], p_user text[], p_id bigint[], p_skip_held boolean DEFAULT false)
RETURNS TABLE (n int, read_id bigint, read_seq bigint, unread int, head bigint)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET lock_timeout = '1s'
AS $$
#variable_conflict use_column
DECLARE
  held bigint[] := '{}';
BEGIN
  IF p_skip_held THEN
    WITH free AS MATERIALIZED (
      SELECT m.channel_id, m.user_id FROM members m
      WHERE (m.channel_id, m.user_id) IN (SELECT u.c, u.u FROM unnest(p_channel, p_user) AS u (c, u))
      ORDER BY m.channel_id, m.user_id FOR NO KEY UPDATE SKIP LOCKED)
    SELECT coalesce(array_agg(u.n), '{}') INTO held
    FROM unnest(p_channel, p_user) WITH ORDINALITY AS u (c, u, n)
    JOIN members m ON m.channel_id = u.c AND m.user_id = u.u
    WHERE NOT EXISTS (SELECT FROM free f WHERE f.channel_id = u.c AND f.user_id = u.u);
  ELSE
    PERFORM 1 FROM members m
    WHERE (m.channel_id, m.user_id) IN (SELECT u.c, u.u FROM unnest(p_channel, p_user) AS u (c, u))
    ORDER BY m.channel_id, m.user_id FOR NO KEY UPDATE;
  END IF;

  UPDATE members m SET read_id = x.id
  FROM (
    SELECT DISTINCT ON (u.c, u.u) u.c, u.u, g.id, g.seq
    FROM unnest(p_channel, p_user, p_id) WITH ORDINALITY AS u (c, u, id, n)
    JOIN messages g ON g.id = u.id AND g.channel_id = u.c
    WHERE u.n <> ALL (held)
    ORDER BY u.c, u.u, g.seq DESC
  ) x
  WHERE m.channel_id = x.c AND m.user_id = x.u
    AND x.seq > coalesce((SELECT g.seq FROM messages g WHERE g.id = m.read_id), 0);

  RETURN QUERY
  SELECT u.n::int, m.read_id, g.seq, unread_count(m.channel_id, m.user_id, m.read_id), r.head
  FROM unnest(p_channel, p_user, p_id) WITH ORDINALITY AS u (c, u, id, n)
  JOIN messages named ON named.id = u.id AND named.channel_id = u.c
  JOIN members m ON m.channel_id = u.c AND m.user_id = u.u
  JOIN channels c ON c.id = u.c AND c.deleted_at IS NULL
  JOIN rooms r ON r.id = u.c
  JOIN messages g ON g.id = m.read_id
  WHERE u.n <> ALL (held)
  UNION ALL
  SELECT h.n::int, NULL, NULL, NULL, NULL FROM unnest(held) AS h (n);
END $$;

-- For nodes of the release before.
CREATE OR REPLACE FUNCTION mark_read(p_channel bigint[], p_user text[], p_id bigint[])
RETURNS TABLE (n int, read_id bigint, unread int)
LANGUAGE sql
AS $$
  SELECT n, read_id, unread FROM move_read_marks(p_channel, p_user, p_id) ORDER BY n
$$;
