DROP FUNCTION fleet_unblock_lane(text, integer, integer);
DROP FUNCTION fleet_replay(text, bigint[]);
DROP FUNCTION fleet_fence(bigint, bigint);
DROP TABLE audit, poller_lease, api_token, command_reply, command, worker, config_value, config_generation, event,
    attempt, dead_letter, waiting, outbox, session, inbox, lane, bot;
