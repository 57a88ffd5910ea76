DROP TABLE nodes, log_readers, ticks, log, rooms;
DROP FUNCTION log_tick(), log_append(text[], bigint[], text[], text[], text[]), log_epoch(), log_make_partitions(int);
