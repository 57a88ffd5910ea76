DROP TRIGGER channels_keys ON channels;
DROP FUNCTION channels_keys_are_old;
ALTER TABLE channels DROP COLUMN name_key, DROP COLUMN search_key;
DROP TRIGGER users_keys ON users;
DROP FUNCTION users_keys_are_old;
ALTER TABLE users DROP COLUMN search_key, DROP COLUMN name_search_key, DROP COLUMN skeleton;
