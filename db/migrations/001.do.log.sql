-- The log: every fact that somebody may need to see, in dense order per room.
--
-- Personal data: payloads hold what people wrote, meta holds who acted. Both go with their partition after LOG_RETENTION;
-- before that the module that owns an entry rewrites its payload when the thing is edited, deleted or erased (seq stays).

-- One row per room that ever had an entry; head is the seq of its newest. Rows are never removed, and a join never makes one.
-- fillfactor leaves room for the next version of head in the same page, so an append does not touch the indexes.
CREATE TABLE rooms (
  id   bigint PRIMARY KEY,
  name text   NOT NULL UNIQUE,
  head bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- A unique key over a partitioned table must hold the partition's column, so (room_id, seq) alone cannot be unique:
-- density rests on rooms.head, which changes only under its row lock.
CREATE TABLE log (
  room_id bigint      NOT NULL,
  seq     bigint      NOT NULL,
  at      timestamptz NOT NULL,
  xid     xid8        NOT NULL DEFAULT pg_current_xact_id(),
  type    text        NOT NULL,
  payload text        NOT NULL,
  meta    text,
  PRIMARY KEY (room_id, seq, at)
) PARTITION BY RANGE (at);
CREATE INDEX log_xid ON log (xid);
COMMENT ON COLUMN log.payload IS 'JSON text, made once; what every member of the room may see.';
COMMENT ON COLUMN log.meta IS 'JSON text {actor, reason}; never sent to a client.';

-- Makes the partitions (6 h each, UTC) from the one before the present to p_ahead after it. Attaching does not stall writers,
-- because there is no default partition. Returns how many were made.
CREATE FUNCTION log_make_partitions(p_ahead int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  first timestamptz := date_bin('6 hours', clock_timestamp(), '2000-01-01 00:00+00') - interval '6 hours';
  lower timestamptz;
  part  text;
  made  int := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(7301); -- two nodes that start at once
  FOR i IN 0 .. p_ahead + 1 LOOP
    lower := first + i * interval '6 hours';
    part := 'log_' || to_char(lower AT TIME ZONE 'UTC', 'YYYYMMDD_HH24');
    CONTINUE WHEN to_regclass(part) IS NOT NULL;
    EXECUTE format('CREATE TABLE %I (LIKE log INCLUDING ALL)', part);
    EXECUTE format('ALTER TABLE log ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', part, lower, lower + interval '6 hours');
    made := made + 1;
  END LOOP;
  RETURN made;
END $$;
SELECT log_make_partitions(7);

-- Appends entries, in the order given, to the rooms named; a room that has no row gets one with the id offered beside it.
-- Called once per transaction, as its last statement, so that rooms are locked for one statement and one fsync.
--
-- A function that writes to the log by its own hand (a group commit) must keep what this one keeps:
--   1. READ COMMITTED, and plpgsql, VOLATILE: each statement then has a snapshot of its own.
--   2. First statement: lock the rooms' rows FOR NO KEY UPDATE, ORDER BY id. State rows are locked before, never after.
--   3. Then take the time, with clock_timestamp(); now() would give a later seq an earlier time, and retention a hole.
--   4. Only in a statement after the lock: check membership and repeats, and read head. Before it they are stale.
--   5. Number from head + 1 without a hole, insert, and set head to the last number, in that one statement.
--   6. Leave xid to its default.
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

-- Which life of the log this is: changes when the cluster, the database or the tables are made anew, and at a fail-over or a
-- restore with recovery (a new timeline). The timeline is read from the WAL's position, because pg_control_checkpoint() still
-- tells the old one until the first checkpoint after a promotion.
CREATE FUNCTION log_epoch() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT left(md5(concat_ws(':', s.system_identifier, d.oid, 'rooms'::regclass::oid, left(pg_walfile_name(pg_current_wal_lsn()), 8))), 12)
  FROM pg_control_system() s, pg_database d WHERE d.datname = current_database()
$$;

-- Ticks: stored snapshots. A global reader's position is one tick; between two ticks lies exactly what became visible between
-- them. A snapshot that sees seq 6 of a room also sees seq 5, which no cursor by time, serial or xmin can promise.
CREATE TABLE ticks (
  id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  snap pg_snapshot NOT NULL,
  at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO ticks (snap) VALUES (pg_current_snapshot());

-- Makes a tick when the newest is at least 80 ms old and entries became visible since; answers the newest tick's id.
CREATE FUNCTION log_tick() RETURNS bigint LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  l record;
  made bigint;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'log_tick needs READ COMMITTED: the snapshot must be taken after the lock';
  END IF;
  PERFORM pg_advisory_xact_lock(7302); -- one ticker at a time; the snapshots below are younger than it, so ticks only grow
  SELECT id, snap, at INTO l FROM ticks ORDER BY id DESC LIMIT 1;
  IF l.id IS NOT NULL AND (
    l.at > clock_timestamp() - interval '80 ms'
    OR NOT (EXISTS (SELECT FROM log WHERE xid >= pg_snapshot_xmax(l.snap))
            OR EXISTS (SELECT FROM pg_snapshot_xip(l.snap) AS x(xid) JOIN log USING (xid)))
  ) THEN
    RETURN l.id;
  END IF;
  INSERT INTO ticks (snap) VALUES (pg_current_snapshot()) RETURNING id INTO made;
  RETURN made;
END $$;

-- Where each stored reader is. The reference keeps a tick that is somebody's position from being trimmed.
CREATE TABLE log_readers (
  name     text PRIMARY KEY,
  tick     bigint NOT NULL REFERENCES ticks (id),
  moved_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Leases of node ids (the ten bits in a Snowflake). All times are the database's.
CREATE TABLE nodes (
  id      smallint PRIMARY KEY CHECK (id BETWEEN 0 AND 1023),
  token   uuid NOT NULL,
  seen_at timestamptz NOT NULL
);
