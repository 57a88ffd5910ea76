-- What tells a life of the log apart from another one of the same files: none at first, a new one whenever an old copy of a data
-- folder was put back (npm run new-epoch). PostgreSQL itself cannot tell that this has happened.
CREATE TABLE log_life (
  one  boolean PRIMARY KEY DEFAULT true CHECK (one),
  life uuid NOT NULL
);

-- As before, with the life: while there is none the epoch stays what it was.
CREATE OR REPLACE FUNCTION log_epoch() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT left(md5(concat_ws(':', s.system_identifier, d.oid, 'rooms'::regclass::oid, left(pg_walfile_name(pg_current_wal_lsn()), 8),
    (SELECT l.life FROM log_life l))), 12)
  FROM pg_control_system() s, pg_database d WHERE d.datname = current_database()
$$;
