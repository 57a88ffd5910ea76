ALTER FUNCTION log_tick() RESET enable_bitmapscan;
ALTER FUNCTION log_tick() RESET enable_seqscan;
