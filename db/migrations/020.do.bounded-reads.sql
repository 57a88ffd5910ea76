-- Indexes for reads that walked a whole table, or all of a room, to answer a few rows (tests/bounds.test.ts).

-- An entry by the mark of the Idempotency-Key that it was kept under; entries without one cost nothing.
CREATE INDEX log_once ON log (room_id, substring(meta FROM '"once":"([0-9a-f]{32})"')) WHERE meta LIKE '%"once":"%';

CREATE INDEX audit_actor_action ON audit (actor, action, id);
CREATE INDEX bans_newest ON bans ((id::bigint)) WHERE lifted_at IS NULL;
CREATE INDEX registration_invites_newest ON registration_invites ((id::bigint));
CREATE INDEX users_owners ON users (id) WHERE role = 'owner';
