-- Chat: channels, who is in them, and what was said.
--
-- Locks, always in this order: the channels row (who is in it, what it is called), members rows by (channel_id, user_id),
-- then rooms rows by id (the log). The rooms row is also the membership lock: a removal appends its entry last, so a post
-- is either before that entry or refused.
--
-- Personal data: what each table holds is said beside it. src/chat/erase.ts erases and exports it; ids stay, and name nobody
-- once identity has erased the account.

-- Personal data: created_by, and dm_key (two user ids).
CREATE TABLE channels (
  id bigint PRIMARY KEY,                       -- a Snowflake; rooms.id of room channel:<id> is the same number
  type text NOT NULL CHECK (type IN ('public', 'private', 'direct')),
  name text CHECK ((name IS NULL) = (type = 'direct')),
  topic text,
  dm_key text UNIQUE CHECK ((dm_key IS NULL) = (type <> 'direct')),  -- both user ids, sorted, with a comma between
  member_count int NOT NULL,                   -- kept under the lock of this row
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  deleted_at timestamptz
);

-- One name per public channel. Private ones may share a name: a refusal would tell that they exist.
CREATE UNIQUE INDEX channels_public_name ON channels (lower(name)) WHERE type = 'public' AND deleted_at IS NULL;
CREATE INDEX channels_public ON channels (id) WHERE type = 'public' AND deleted_at IS NULL;

-- Personal data: who is where, and how far he has read. Rows go when the person leaves.
CREATE TABLE members (
  channel_id bigint NOT NULL REFERENCES channels (id),
  user_id text NOT NULL REFERENCES users (id),
  role text NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
  joined_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  read_id bigint NOT NULL DEFAULT 0,           -- the newest message read; only grows
  PRIMARY KEY (channel_id, user_id)
) WITH (fillfactor = 80);                      -- read marks are updates in place

CREATE INDEX members_user ON members (user_id, channel_id);

-- Personal data: author_id and content. The text goes when the message is deleted, here and in the log.
-- No foreign keys: post_messages checks channel, member and reply under the room's lock, and a key would cost a look-up per row.
CREATE TABLE messages (
  id bigint PRIMARY KEY,                       -- a Snowflake
  channel_id bigint NOT NULL,
  seq bigint NOT NULL,                         -- its message:created in the channel's log
  edit_seqs bigint[] NOT NULL DEFAULT '{}',    -- its message:updated entries; their payloads are rewritten with the text
  author_id text NOT NULL,
  client_id text,
  content text NOT NULL,
  reply_to_id bigint,
  created_at timestamptz NOT NULL,
  edited_at timestamptz,
  deleted_at timestamptz
);

-- Pages and unread counts walk the same index.
CREATE INDEX messages_channel ON messages (channel_id, id) INCLUDE (author_id, deleted_at);
CREATE UNIQUE INDEX messages_client ON messages (channel_id, author_id, client_id) WHERE client_id IS NOT NULL;
CREATE INDEX messages_replies ON messages (reply_to_id, id) WHERE reply_to_id IS NOT NULL;

-- Group commit of posts: one call per batch, one transaction, one fsync.
--
-- p_payload is the entry's JSON text as the node made it, but for its end: `,"created_at":"…"}` is put on here, from the
-- clock after the lock. What comes back is the text as it stands in the log, so that nobody makes it twice.
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
  p_id bigint[], p_channel bigint[], p_author text[], p_client text[], p_content text[], p_reply_to bigint[], p_payload text[]
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
    FROM unnest(p_id, p_channel, p_author, p_client, p_content, p_reply_to, p_payload)
      WITH ORDINALITY AS u (id, channel_id, author_id, client_id, content, reply_to_id, payload, n)
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
    INSERT INTO log (room_id, seq, at, type, payload)
    SELECT f.channel_id, f.seq, now_at, 'message:created', f.entry FROM fresh f
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

-- Read marks of a batch: each only grows, and never past the channel's newest message. Answers the mark as it stands and
-- the unread count (at most 100) for each row whose person is a member; no row for the others.
CREATE FUNCTION mark_read(p_channel bigint[], p_user text[], p_id bigint[])
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

-- Messages of others behind a mark, at most 100, among the newest 10,000: who wrote more than that since his mark does not
-- have the database walk all of it (100,000 took 25 ms). A query and not a counter: nothing that could drift. The settings make
-- it walk the index and stop; without statistics (after a bulk load) the planner would sort whole channels, ten times slower.
CREATE FUNCTION unread_count(p_channel bigint, p_user text, p_read bigint) RETURNS int
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
