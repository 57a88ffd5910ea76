DELETE FROM messages WHERE channel_id = 1;
DELETE FROM members WHERE channel_id = 1;
DELETE FROM channels WHERE id = 1;
DELETE FROM log WHERE room_id = 1;
DELETE FROM rooms WHERE id = 1;
DELETE FROM users WHERE id IN ('1', '2', '3');
