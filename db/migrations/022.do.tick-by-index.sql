-- Whether anything came since the last tick is asked many times a second, and most of the time nothing did: a plan that walks the log
-- until it finds an entry would walk all of it.
ALTER FUNCTION log_tick() SET enable_seqscan = off;
ALTER FUNCTION log_tick() SET enable_bitmapscan = off;
