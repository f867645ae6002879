ALTER TABLE poller_lease DROP COLUMN state, DROP COLUMN detail, DROP COLUMN state_at;
DROP TABLE flood_share;
DROP TABLE chat_block;
ALTER TABLE outbox DROP COLUMN priority, DROP COLUMN begun_at;
DROP TABLE lane_assignment;
ALTER TABLE lane DROP COLUMN sealed_at;
DROP TABLE lane_layout;
ALTER TABLE bot DROP COLUMN workers, DROP COLUMN intake, DROP COLUMN webhook_path, DROP COLUMN webhook_secret_sealed;
