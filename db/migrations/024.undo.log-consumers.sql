DROP TABLE log_parked;
DROP FUNCTION log_consumers_lease(uuid, text[], float8);
DROP TABLE log_consumers;
ALTER TABLE log_readers DROP COLUMN window_from, DROP COLUMN window_to, DROP COLUMN room_id, DROP COLUMN seq;
