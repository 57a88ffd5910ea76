-- Entries of the log of which no deliveries could be made, and why. Whoever knows the cause can post them by hand, by room and seq.
CREATE TABLE webhook_parked (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  room       text NOT NULL,
  seq        bigint NOT NULL,
  epoch      text NOT NULL,
  event_type text NOT NULL,
  reason     text NOT NULL,                    -- what PostgreSQL said
  parked_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX webhook_parked_at ON webhook_parked (parked_at);
