-- What a node tells of itself when it takes its number and at each renewal (3 s): for the others, and for the admin pages.
ALTER TABLE nodes
  ADD COLUMN version     text        NOT NULL DEFAULT '',
  ADD COLUMN roles       text[]      NOT NULL DEFAULT '{all}',
  ADD COLUMN host        text        NOT NULL DEFAULT '',
  -- Where it listens, `host:port`.
  ADD COLUMN address     text        NOT NULL DEFAULT '',
  ADD COLUMN started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  ADD COLUMN draining    boolean     NOT NULL DEFAULT false,
  -- Whether its round trip by the broker works; true without a broker.
  ADD COLUMN hears       boolean     NOT NULL DEFAULT true,
  ADD COLUMN connections integer     NOT NULL DEFAULT 0,
  ADD COLUMN rss         bigint      NOT NULL DEFAULT 0,
  -- It stopped in order. Its number is kept from others for as long as any other's.
  ADD COLUMN left_at     timestamptz;

-- Presence: who is in which room now, and on which node; `src/realtime/presence/postgres.ts` is its only reader and writer.
-- Unlogged: cheap, and empty after a crash of this server; every node then puts back what it knows.
-- Personal data: who is here under which name, for as long as he is, and up to 15 s longer when his node dies.
CREATE UNLOGGED TABLE presence (
  room     text NOT NULL,
  user_id  text NOT NULL,
  node     text NOT NULL,
  username text NOT NULL,
  PRIMARY KEY (room, user_id, node)
);
CREATE INDEX presence_node ON presence (node);

-- Rooms with somebody in them. `version` is another one after each change.
CREATE UNLOGGED TABLE presence_rooms (
  room    text PRIMARY KEY,
  people  int  NOT NULL,
  version text NOT NULL
) WITH (fillfactor = 50);

-- One row per running node: who is not heard of before `until` is dead, and what it held goes.
CREATE UNLOGGED TABLE presence_nodes (
  node  text PRIMARY KEY,
  until timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Locks rooms in the order of their names, and makes those that are not there.
CREATE FUNCTION presence_lock(p_rooms text[], p_stamp text) RETURNS void LANGUAGE sql AS $$
  INSERT INTO presence_rooms (room, people, version)
  SELECT DISTINCT name, 0, p_stamp FROM unnest(p_rooms) AS name ORDER BY name
  ON CONFLICT (room) DO UPDATE SET version = excluded.version;
$$;

-- Takes places of a node away. The rooms are locked.
CREATE FUNCTION presence_leave(p_node text, p_rooms text[], p_users text[]) RETURNS void LANGUAGE sql AS $$
  WITH gone AS (
    DELETE FROM presence p USING unnest(p_rooms, p_users) AS c(room, user_id)
    WHERE p.room = c.room AND p.user_id = c.user_id AND p.node = p_node
    RETURNING p.room, p.user_id
  ), absent AS (
    SELECT room, count(*)::int AS people FROM gone g
    WHERE NOT EXISTS (SELECT FROM presence p WHERE p.room = g.room AND p.user_id = g.user_id AND p.node <> p_node)
    GROUP BY room
  )
  UPDATE presence_rooms r SET people = r.people - a.people FROM absent a WHERE r.room = a.room;
$$;

-- A node's changes (a name that is null: gone), and that it lives p_life ms more. False: it was not known, or taken for dead.
-- Only what a statement after the lock reads is sure, so each step is a statement of its own, READ COMMITTED.
CREATE FUNCTION presence_write(p_node text, p_life float8, p_stamp text, p_rooms text[], p_users text[], p_names text[])
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  known boolean;
BEGIN
  SELECT until >= clock_timestamp() INTO known FROM presence_nodes WHERE node = p_node FOR UPDATE;
  INSERT INTO presence_nodes (node, until) VALUES (p_node, clock_timestamp() + p_life * interval '1 ms')
  ON CONFLICT (node) DO UPDATE SET until = excluded.until;
  IF cardinality(p_rooms) > 0 THEN
    PERFORM presence_lock(p_rooms, p_stamp);
    PERFORM presence_leave(p_node, array_agg(c.room), array_agg(c.user_id))
      FROM unnest(p_rooms, p_users, p_names) AS c(room, user_id, username) WHERE c.username IS NULL;
    WITH came AS (
      INSERT INTO presence AS p (room, user_id, node, username)
      SELECT c.room, c.user_id, p_node, c.username FROM unnest(p_rooms, p_users, p_names) AS c(room, user_id, username)
      WHERE c.username IS NOT NULL
      ON CONFLICT (room, user_id, node) DO UPDATE SET username = excluded.username
      RETURNING p.room, p.user_id
    ), present AS (
      -- This statement sees the table as it was before it: who was in the room on any node, this one too, is not new.
      SELECT room, count(*)::int AS people FROM came c
      WHERE NOT EXISTS (SELECT FROM presence p WHERE p.room = c.room AND p.user_id = c.user_id)
      GROUP BY room
    )
    UPDATE presence_rooms r SET people = r.people + n.people FROM present n WHERE r.room = n.room;
    DELETE FROM presence_rooms WHERE room = ANY (p_rooms) AND people <= 0;
  END IF;
  RETURN coalesce(known, false);
END $$;

-- Takes away up to 1,000 places of one dead node. True: there may be more.
CREATE FUNCTION presence_sweep(p_stamp text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  dead  text;
  names text[];
  users text[];
BEGIN
  SELECT node INTO dead FROM presence_nodes WHERE until < clock_timestamp() LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF dead IS NULL THEN RETURN false; END IF;
  SELECT array_agg(p.room), array_agg(p.user_id) INTO names, users
  FROM (SELECT room, user_id FROM presence WHERE node = dead LIMIT 1000) p;
  IF names IS NULL THEN
    DELETE FROM presence_nodes WHERE node = dead;
    RETURN true;
  END IF;
  PERFORM presence_lock(names, p_stamp);
  PERFORM presence_leave(dead, names, users);
  DELETE FROM presence_rooms WHERE room = ANY (names) AND people <= 0;
  RETURN true;
END $$;
