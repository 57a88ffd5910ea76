-- A public channel, and three people who talked in it. They have no password: the owner can send them reset links.
INSERT INTO users (id, username, username_key, name, email, phone) VALUES
  ('1', 'grace', 'grace', 'Grace Example', 'grace@seed.example', '+12025550101'),
  ('2', 'alan',  'alan',  'Alan Example',  'alan@seed.example',  '+12025550102'),
  ('3', 'edith', 'edith', 'Edith Example', 'edith@seed.example', '+12025550103');

INSERT INTO channels (id, type, name, topic, member_count, created_by) VALUES (1, 'public', 'lobby', 'Come in', 3, '1');
INSERT INTO rooms (id, name) VALUES (1, 'channel:1');
INSERT INTO members (channel_id, user_id, role) VALUES (1, '1', 'owner'), (1, '2', 'member'), (1, '3', 'member');

SELECT log_make_partitions(7);
SELECT post_messages(
  ARRAY[11, 12, 13]::bigint[], ARRAY[1, 1, 1]::bigint[], ARRAY['1', '2', '3'], ARRAY[NULL, NULL, NULL]::text[],
  content, ARRAY[NULL, 11, NULL]::bigint[],
  ARRAY(
    -- As the server makes them: the whole message but for its end, which post_messages puts on.
    SELECT rtrim(json_build_object('message_id', m.id::text, 'channel_id', '1', 'user_id', m.author, 'username', m.username,
      'content', m.content, 'client_id', NULL, 'reply_to_id', m.reply, 'edited_at', NULL, 'deleted_at', NULL)::text, '}')
    FROM (VALUES (11, '1', 'grace', content[1], NULL), (12, '2', 'alan', content[2], '11'), (13, '3', 'edith', content[3], NULL))
      AS m (id, author, username, content, reply)))
FROM (SELECT ARRAY['Good evening, everybody.', 'Good evening!', 'Is this where the tickets are?'] AS content) said;
