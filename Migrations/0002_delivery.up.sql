-- Lanes, parking, fleet-wide flood control, webhooks.

-- How many processes serve the bot, and how its updates come in.
ALTER TABLE bot
    ADD COLUMN workers integer NOT NULL DEFAULT 1 CHECK (workers BETWEEN 1 AND 1024),
    ADD COLUMN intake text NOT NULL DEFAULT 'polling' CHECK (intake IN ('polling', 'webhook')),
    ADD COLUMN webhook_path text UNIQUE,
    ADD COLUMN webhook_secret_sealed bytea;

-- The layout in force. `bot.lanes` is what is wanted; where they differ, the layout is closed and the next epoch opened.
-- Epochs below swept_epoch have no queues any more.
CREATE TABLE lane_layout (
    bot_id      text COLLATE "C" PRIMARY KEY REFERENCES bot (id) ON DELETE CASCADE,
    epoch       integer NOT NULL,
    lanes       integer NOT NULL CHECK (lanes BETWEEN 1 AND 1024),
    state       text NOT NULL CHECK (state IN ('open', 'closing')),
    swept_epoch integer NOT NULL DEFAULT 0,
    changed_at  timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
INSERT INTO lane_layout (bot_id, epoch, lanes, state) SELECT id, 0, lanes, 'open' FROM bot;

-- Set by the lane's owner when everything of its epoch is settled and sent. Number -1 is the bot's mover, which moves
-- the intake into the lanes.
ALTER TABLE lane ADD COLUMN sealed_at timestamptz;
-- When the previous owner claimed it: what an owner before that one left may be on its way for some time after.
ALTER TABLE lane ADD COLUMN previous_claimed_at timestamptz;

-- Who serves a lane, and who is ready to: names of workers. Number -1 is the mover.
CREATE TABLE lane_assignment (
    bot_id  text COLLATE "C" NOT NULL REFERENCES bot (id) ON DELETE CASCADE,
    epoch   integer NOT NULL,
    number  integer NOT NULL,
    owner   text NOT NULL,
    standby text,
    -- How often the owner has subscribed. When it grows while the standby works, the owner stands in line behind it.
    subscribed bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (bot_id, epoch, number)
) WITH (fillfactor = 50);

-- priority: 0 payments, 1 replies, 2 bulk. begun_at: a call may have been made; written only where ambiguous sends are
-- surfaced instead of repeated.
ALTER TABLE outbox
    ADD COLUMN priority smallint NOT NULL DEFAULT 1,
    ADD COLUMN begun_at timestamptz;

-- A chat that Telegram will not deliver to. Its next update lifts this.
CREATE TABLE chat_block (
    bot_id       text COLLATE "C" NOT NULL,
    conversation bigint NOT NULL,
    reason       text NOT NULL,
    at           timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (bot_id, conversation)
);

-- Shares of a bot's rate among the workers that serve it, renewed each second.
CREATE TABLE flood_share (
    bot_id        text COLLATE "C" NOT NULL REFERENCES bot (id) ON DELETE CASCADE,
    incarnation   text NOT NULL,
    demand        double precision NOT NULL,
    share         double precision NOT NULL,
    blocked_until timestamptz,
    renewed_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (bot_id, incarnation)
) WITH (fillfactor = 50);

-- kind: why it was given up, as one word. first_at: when it was first tried, where that is known.
ALTER TABLE dead_letter
    ADD COLUMN kind text NOT NULL DEFAULT 'handler',
    ADD COLUMN first_at timestamptz;
CREATE INDEX dead_letter_unreplayed ON dead_letter (bot_id, number) WHERE replayed_at IS NULL;

-- Renews a worker's share. All numbers are thousandths. The bot's renewals pass one after another, so that two workers
-- cannot take the same free rate. Returns the live rows.
CREATE FUNCTION fleet_flood_share(bot text, self text, wants bigint, wanted bigint, rate bigint, block_ms bigint)
RETURNS TABLE (worker text, demand bigint, share bigint, blocked_ms bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    alive timestamptz;
    taken double precision;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(current_schema() || '.flood.' || bot, 0));
    alive := clock_timestamp() - interval '3 seconds';
    SELECT coalesce(sum(share), 0) INTO taken FROM flood_share
    WHERE bot_id = bot AND incarnation <> self AND renewed_at > alive;
    INSERT INTO flood_share (bot_id, incarnation, demand, share, blocked_until, renewed_at)
    VALUES (bot, self, wants / 1000.0, greatest(0, least(wanted / 1000.0, rate / 1000.0 - taken)),
            clock_timestamp() + block_ms * interval '1 millisecond', clock_timestamp())
    ON CONFLICT (bot_id, incarnation) DO UPDATE SET demand = excluded.demand, share = excluded.share,
        blocked_until = excluded.blocked_until, renewed_at = excluded.renewed_at;
    DELETE FROM flood_share WHERE bot_id = bot AND renewed_at < alive - interval '60 seconds';
    RETURN QUERY SELECT incarnation, (demand * 1000)::bigint, (share * 1000)::bigint,
        greatest(0, extract(epoch FROM blocked_until - clock_timestamp()) * 1000)::bigint
    FROM flood_share WHERE bot_id = bot AND renewed_at > alive ORDER BY incarnation;
END $$;

-- What the holder of a bot's intake sees: 'polling', 'webhook', 'refused', 'conflict', 'failing', with a line of detail.
ALTER TABLE poller_lease
    ADD COLUMN state text,
    ADD COLUMN detail text,
    ADD COLUMN state_at timestamptz;

-- alone: it failed where order was given up, and holds nobody up. replay: its dead inbox row may turn to done.
-- suspect: its handler may have killed a worker. received_at: by this server's clock, for what Telegram waits for.
ALTER TABLE waiting
    ADD COLUMN alone boolean NOT NULL DEFAULT false,
    ADD COLUMN replay boolean NOT NULL DEFAULT false,
    ADD COLUMN suspect boolean NOT NULL DEFAULT false,
    ADD COLUMN received_at timestamptz;
ALTER TABLE waiting SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE UNIQUE INDEX waiting_update ON waiting (lane_id, update_id);

-- Suspects of a crash run in processes of their own; nothing is counted here any more.
DROP TABLE attempt;
