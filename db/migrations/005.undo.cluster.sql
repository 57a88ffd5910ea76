DROP FUNCTION presence_sweep, presence_write, presence_leave, presence_lock;
DROP TABLE presence_nodes, presence_rooms, presence;
ALTER TABLE nodes
  DROP COLUMN version,
  DROP COLUMN roles,
  DROP COLUMN host,
  DROP COLUMN address,
  DROP COLUMN started_at,
  DROP COLUMN draining,
  DROP COLUMN hears,
  DROP COLUMN connections,
  DROP COLUMN rss,
  DROP COLUMN left_at;
