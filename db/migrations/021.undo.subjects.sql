-- People whose ids the narrower alphabet cannot write stay; no new ones come.
ALTER TABLE users DROP CONSTRAINT users_id_visible,
  ADD CONSTRAINT users_id_check CHECK (id ~ '^[A-Za-z0-9_.:-]{1,64}$') NOT VALID;
