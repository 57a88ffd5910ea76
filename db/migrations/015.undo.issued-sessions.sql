ALTER TABLE sessions DROP COLUMN service_token_id, DROP COLUMN issued_by, DROP COLUMN ends_at;
