CREATE OR REPLACE FUNCTION log_epoch() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT left(md5(concat_ws(':', s.system_identifier, d.oid, 'rooms'::regclass::oid, left(pg_walfile_name(pg_current_wal_lsn()), 8))), 12)
  FROM pg_control_system() s, pg_database d WHERE d.datname = current_database()
$$;
DROP TABLE log_life;
