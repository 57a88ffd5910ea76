DROP FUNCTION webhook_release(bigint[], text[]);
DROP FUNCTION webhook_end(bigint[], int[], text[], float8[], int[], int[], text[], text[]);
DROP FUNCTION webhook_claim(bigint[], int[], int, float8);
DROP TABLE webhook_attempts;
DROP TABLE webhook_deliveries;
DROP TABLE webhook_endpoints;
DELETE FROM log_readers WHERE name = 'webhooks';
