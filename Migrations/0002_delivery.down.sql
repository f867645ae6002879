CREATE TABLE attempt (
    bot_id     text COLLATE "C" NOT NULL,
    update_id  bigint NOT NULL,
    attempts   integer NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (bot_id, update_id)
);
DROP INDEX waiting_update;
ALTER TABLE waiting RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);
ALTER TABLE waiting DROP COLUMN alone, DROP COLUMN replay, DROP COLUMN suspect, DROP COLUMN received_at;
ALTER TABLE poller_lease DROP COLUMN state, DROP COLUMN detail, DROP COLUMN state_at;
DROP INDEX dead_letter_unreplayed;
ALTER TABLE dead_letter DROP COLUMN kind, DROP COLUMN first_at;
DROP FUNCTION fleet_flood_share(text, text, bigint, bigint, bigint, bigint);
DROP TABLE flood_share;
DROP TABLE chat_block;
ALTER TABLE outbox DROP COLUMN priority, DROP COLUMN begun_at;
DROP TABLE lane_assignment;
ALTER TABLE lane DROP COLUMN sealed_at, DROP COLUMN previous_claimed_at;
DROP TABLE lane_layout;
ALTER TABLE bot DROP COLUMN workers, DROP COLUMN intake, DROP COLUMN webhook_path, DROP COLUMN webhook_secret_sealed;
