-- A person of a foreign issuer has the id that the issuer writes: any visible ASCII (docs/adr/0011-subjects-as-written.md).
-- The release before this one makes none of the new ones.
ALTER TABLE users DROP CONSTRAINT users_id_check,
  ADD CONSTRAINT users_id_visible CHECK (length(id) BETWEEN 1 AND 255 AND id COLLATE "C" !~ '[^!-~]') NOT VALID;
ALTER TABLE users VALIDATE CONSTRAINT users_id_visible;
