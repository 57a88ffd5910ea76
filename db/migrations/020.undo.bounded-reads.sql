DROP INDEX users_owners;
DROP INDEX registration_invites_newest;
DROP INDEX bans_newest;
DROP INDEX audit_actor_action;
DROP INDEX log_once;
