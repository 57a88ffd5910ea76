-- The rooms of the channels and their logs stay: a room's numbers are never given twice.
DROP FUNCTION mark_read(bigint[], text[], bigint[]);
DROP FUNCTION unread_count(bigint, text, bigint);
DROP FUNCTION post_messages(bigint[], bigint[], text[], text[], text[], bigint[], text[]);
DROP TABLE messages;
DROP TABLE members;
DROP TABLE channels;
