-- Names as they are looked for, and as they look. Made by the server (src/platform/search-key.ts, src/identity/names.ts), so that every
-- PostgreSQL finds alike. Null: still to be made; the release before this one leaves them so, and each hour's sweep makes them.
-- Personal data as the names beside them, and erased with them.

ALTER TABLE users
  ADD COLUMN search_key      text COLLATE "C",
  -- Empty when there is no display name.
  ADD COLUMN name_search_key text COLLATE "C",
  -- Null as well where it was taken when it was made: who had a name before names were compared by their look keeps it.
  ADD COLUMN skeleton        text COLLATE "C" CONSTRAINT users_skeleton UNIQUE;
CREATE INDEX users_search ON users (search_key);
CREATE INDEX users_name_search ON users (name_search_key);
CREATE INDEX users_without_keys ON users (id) WHERE search_key IS NULL AND erased_at IS NULL;

-- The release before this one changes names without their keys.
CREATE FUNCTION users_keys_are_old() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.search_key := NULL;
  NEW.name_search_key := NULL;
  IF NEW.username IS DISTINCT FROM OLD.username THEN NEW.skeleton := NULL; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER users_keys BEFORE UPDATE OF username, name ON users FOR EACH ROW
  WHEN ((NEW.username, NEW.name) IS DISTINCT FROM (OLD.username, OLD.name)
    AND (NEW.search_key, NEW.name_search_key, NEW.skeleton)
      IS NOT DISTINCT FROM (OLD.search_key, OLD.name_search_key, OLD.skeleton))
  EXECUTE FUNCTION users_keys_are_old();

ALTER TABLE channels
  -- Of public ones one each. Null as well where it was taken when it was made.
  ADD COLUMN name_key   text COLLATE "C",
  ADD COLUMN search_key text COLLATE "C";
CREATE UNIQUE INDEX channels_public_name_key ON channels (name_key) WHERE type = 'public' AND deleted_at IS NULL;
CREATE INDEX channels_without_keys ON channels (id) WHERE search_key IS NULL AND name IS NOT NULL AND deleted_at IS NULL;

CREATE FUNCTION channels_keys_are_old() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.name_key := NULL;
  NEW.search_key := NULL;
  RETURN NEW;
END $$;
CREATE TRIGGER channels_keys BEFORE UPDATE OF name ON channels FOR EACH ROW
  WHEN (NEW.name IS DISTINCT FROM OLD.name AND (NEW.name_key, NEW.search_key) IS NOT DISTINCT FROM (OLD.name_key, OLD.search_key))
  EXECUTE FUNCTION channels_keys_are_old();
