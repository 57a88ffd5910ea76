-- The first answer to each POST that carried an Idempotency-Key, given again to its repeats.
-- Personal data: `actor` is a user or an address; `answer` is sealed with the request itself and cannot be read from here.
-- Erased by the sweep of src/platform/http/idempotency-store.ts, 24 hours after the request.
create table idempotency_keys (
  actor        text        not null,
  key_hash     bytea       not null,
  request_hash bytea       not null,
  created_at   timestamptz not null default now(),
  -- While the first attempt runs: when it is taken for dead. By this database's clock.
  lease_until  timestamptz not null,
  -- Fences an attempt that was taken for dead and comes back.
  attempt      integer     not null default 1,
  answer       bytea,
  primary key (actor, key_hash)
);
create index idempotency_keys_created_at on idempotency_keys (created_at);
