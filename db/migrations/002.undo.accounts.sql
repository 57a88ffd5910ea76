DROP TABLE rate_limits, bans, registration_invites, password_resets, signing_keys, refresh_tokens, sessions, users;
