-- As before, but for a database that takes no writes: there the newest tick is the answer, for reads need it.
--
-- Makes a tick when the newest is at least 80 ms old and entries became visible since; answers the newest tick's id.
CREATE OR REPLACE FUNCTION log_tick() RETURNS bigint LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  l record;
  made bigint;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'log_tick needs READ COMMITTED: the snapshot must be taken after the lock';
  END IF;
  PERFORM pg_advisory_xact_lock(7302); -- one ticker at a time; the snapshots below are younger than it, so ticks only grow
  SELECT id, snap, at INTO l FROM ticks ORDER BY id DESC LIMIT 1;
  IF current_setting('transaction_read_only')::boolean THEN
    RETURN l.id; -- whoever only reads goes on
  END IF;
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
