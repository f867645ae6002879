// Written by Migrations/embed from Migrations/*.sql. Do not edit.
// swift-format-ignore-file

extension Migration {
    /// The migrations this binary was built with, by number.
    public static let embedded: [Migration] = [
        Migration(
            number: 1, name: "fleet",
            up: ##"""
-- Ids of bots compare byte by byte: they are ASCII, and the hot indexes start with them.

CREATE TABLE bot (
    id           text COLLATE "C" PRIMARY KEY,
    behaviour    text NOT NULL,
    labels       jsonb NOT NULL DEFAULT '{}',
    desired      text NOT NULL CHECK (desired IN ('running', 'stopped')),
    lanes        integer NOT NULL CHECK (lanes BETWEEN 1 AND 1024),
    queue        text NOT NULL CHECK (queue IN ('quorum', 'classic')),
    api_url      text,
    token_sealed bytea,
    telegram_id  bigint,
    username     text,
    created_at   timestamptz NOT NULL DEFAULT now()
);

-- A lane's row is its fence: a claim raises the term, a settlement locks the row FOR SHARE and compares.
CREATE TABLE lane (
    id                   bigserial PRIMARY KEY,
    bot_id               text COLLATE "C" NOT NULL REFERENCES bot (id),
    epoch                integer NOT NULL,
    number               integer NOT NULL,
    term                 bigint NOT NULL,
    owner_name           text NOT NULL,
    owner_incarnation    text NOT NULL,
    previous_name        text,
    previous_incarnation text,
    claimed_at           timestamptz NOT NULL DEFAULT now(),
    UNIQUE (bot_id, epoch, number)
) WITH (fillfactor = 50);

-- outcome: 1 done, 2 dead. No foreign keys on the tables a settlement writes: each would cost a lookup a row.
CREATE TABLE inbox (
    bot_id     text COLLATE "C" NOT NULL,
    update_id  bigint NOT NULL,
    outcome    smallint NOT NULL,
    settled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (bot_id, update_id)
);
-- For pruning by age. Rows arrive in the order of time, so a block range index costs next to nothing to keep.
CREATE INDEX inbox_settled_at ON inbox USING brin (settled_at) WITH (autosummarize = on);

-- A fillfactor below 100 leaves room for the new version of a row on its own page: no index is touched then.
CREATE TABLE session (
    bot_id       text COLLATE "C" NOT NULL,
    conversation bigint NOT NULL,
    state        bytea NOT NULL,
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (bot_id, conversation)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

-- Unsent messages alone: a row is deleted when it was sent.
CREATE TABLE outbox (
    lane_id      bigint NOT NULL,
    seq          bigint NOT NULL,
    update_id    bigint,
    conversation bigint NOT NULL,
    method       text NOT NULL,
    body         bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (lane_id, seq)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

-- Updates of parked chats, in the order of seq.
CREATE TABLE waiting (
    lane_id      bigint NOT NULL,
    conversation bigint NOT NULL,
    seq          bigint NOT NULL,
    update_id    bigint NOT NULL,
    body         bytea NOT NULL,
    attempts     integer NOT NULL DEFAULT 0,
    reason       text,
    due_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (lane_id, conversation, seq)
);

CREATE TABLE dead_letter (
    number      bigserial PRIMARY KEY,
    bot_id      text COLLATE "C" NOT NULL,
    update_id   bigint,
    body        bytea NOT NULL,
    reason      text NOT NULL,
    attempts    integer NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    replayed_at timestamptz
);
CREATE INDEX dead_letter_bot ON dead_letter (bot_id, number);

-- Attempts of an update that may have killed its worker.
CREATE TABLE attempt (
    bot_id     text COLLATE "C" NOT NULL,
    update_id  bigint NOT NULL,
    attempts   integer NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (bot_id, update_id)
);

CREATE TABLE event (
    id           bigserial PRIMARY KEY,
    bot_id       text COLLATE "C" NOT NULL,
    conversation bigint,
    kind         text NOT NULL,
    data         bytea NOT NULL,
    at           timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE config_generation (
    number     bigint PRIMARY KEY,
    scope      text NOT NULL,
    assigned   jsonb NOT NULL,
    removed    text[] NOT NULL,
    hash       text NOT NULL,
    author     text NOT NULL,
    reason     text,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE config_value (
    scope      text NOT NULL,
    key        text NOT NULL,
    value      jsonb NOT NULL,
    generation bigint NOT NULL REFERENCES config_generation (number),
    PRIMARY KEY (scope, key)
);

CREATE TABLE worker (
    incarnation  text PRIMARY KEY,
    name         text NOT NULL,
    bots         text[] NOT NULL,
    host         text NOT NULL,
    pid          integer NOT NULL,
    state        text NOT NULL,
    generation   bigint NOT NULL,
    started_at   timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    heartbeat    jsonb
) WITH (fillfactor = 50);

CREATE TABLE command (
    id         text PRIMARY KEY,
    action     jsonb NOT NULL,
    actor      text NOT NULL,
    expected   text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE command_reply (
    command_id  text NOT NULL REFERENCES command (id) ON DELETE CASCADE,
    incarnation text NOT NULL,
    name        text NOT NULL,
    outcome     text NOT NULL CHECK (outcome IN ('applied', 'refused')),
    reason      text,
    generation  bigint NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (command_id, incarnation)
);

CREATE TABLE api_token (
    id         bigserial PRIMARY KEY,
    name       text NOT NULL,
    hash       bytea NOT NULL UNIQUE,
    role       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE poller_lease (
    bot_id     text COLLATE "C" PRIMARY KEY REFERENCES bot (id) ON DELETE CASCADE,
    holder     text NOT NULL,
    expires_at timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE audit (
    id     bigserial PRIMARY KEY,
    at     timestamptz NOT NULL DEFAULT now(),
    actor  text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,
    detail jsonb
);

-- Holds the lane's row until the end of the transaction, so that no claim can pass, and refuses a stale term.
-- FOR KEY SHARE would not do: a claim changes no key. SQLSTATE LF001: fenced.
CREATE FUNCTION fleet_fence(which bigint, expected bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    present bigint;
BEGIN
    SELECT term INTO present FROM lane WHERE id = which FOR SHARE;
    IF present IS DISTINCT FROM expected THEN
        RAISE EXCEPTION USING ERRCODE = 'LF001',
            MESSAGE = format('lane %s is at term %s, not %s', which, coalesce(present::text, 'none'), expected);
    END IF;
END $$;

-- Turns dead updates to done. SQLSTATE LF002: one of them was not dead, so its effects are there already.
CREATE FUNCTION fleet_replay(bot text, updates bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    turned bigint;
BEGIN
    UPDATE inbox SET outcome = 1, settled_at = now()
    WHERE bot_id = bot AND update_id = ANY (updates) AND outcome = 2;
    GET DIAGNOSTICS turned = ROW_COUNT;
    IF turned <> cardinality(updates) THEN
        RAISE EXCEPTION USING ERRCODE = 'LF002',
            MESSAGE = format('%s of %s updates of %s were not dead', cardinality(updates) - turned,
                             cardinality(updates), bot);
    END IF;
END $$;

-- Terminates the backends whose transactions hold the row of a lane for longer than a claim may wait: the row's xmax
-- names the holder, or a multixact of several. Only those that also hold a lock on the table are meant.
-- Returns how many were terminated.
CREATE FUNCTION fleet_unblock_lane(bot text, lane_epoch integer, lane_number integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    marker xid;
    holders xid[];
    killed integer;
BEGIN
    SELECT xmax INTO marker FROM lane WHERE bot_id = bot AND epoch = lane_epoch AND number = lane_number;
    IF marker IS NULL OR marker = '0'::xid THEN
        RETURN 0;
    END IF;
    BEGIN
        SELECT array_agg(member.xid) INTO holders FROM pg_get_multixact_members(marker) AS member;
    EXCEPTION WHEN OTHERS THEN
        holders := NULL;  -- no such multixact
    END;
    holders := array_append(holders, marker);
    SELECT count(*) FILTER (WHERE pg_terminate_backend(blocker.pid)) INTO killed FROM (
        SELECT DISTINCT transaction.pid
        FROM pg_locks AS transaction
        JOIN pg_locks AS tables ON tables.pid = transaction.pid
        JOIN pg_stat_activity AS activity ON activity.pid = transaction.pid
        WHERE transaction.locktype = 'transactionid' AND transaction.granted
          AND transaction.transactionid = ANY (holders)
          AND tables.locktype = 'relation' AND tables.relation = 'lane'::regclass AND tables.granted
          AND transaction.pid <> pg_backend_pid()
          AND activity.xact_start < clock_timestamp() - interval '150 milliseconds'
    ) AS blocker;
    RETURN killed;
END $$;
"""## + "\n",
            down: ##"""
DROP FUNCTION fleet_unblock_lane(text, integer, integer);
DROP FUNCTION fleet_replay(text, bigint[]);
DROP FUNCTION fleet_fence(bigint, bigint);
DROP TABLE audit, poller_lease, api_token, command_reply, command, worker, config_value, config_generation, event,
    attempt, dead_letter, waiting, outbox, session, inbox, lane, bot;
"""## + "\n"),
        Migration(
            number: 2, name: "delivery",
            up: ##"""
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
"""## + "\n",
            down: ##"""
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
"""## + "\n"),
    ]
}
