DROP TABLE webhook_parked;
