-- Used refresh tokens are forgotten three days after their use, oldest first (src/identity/sweep.ts).
CREATE INDEX refresh_tokens_used ON refresh_tokens (used_at) WHERE used_at IS NOT NULL;
