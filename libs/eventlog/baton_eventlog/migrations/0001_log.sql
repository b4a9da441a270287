-- The log, its head, and what stands beside it. One append at a time, so commit order is position order.

CREATE TABLE event_log (
    id             uuid PRIMARY KEY,
    project_id     uuid NOT NULL,
    causation_id   uuid,
    correlation_id uuid,
    "timestamp"    timestamptz NOT NULL,
    position       bigint NOT NULL UNIQUE,
    version        int NOT NULL,
    schema_version int NOT NULL DEFAULT 1,
    event_type     text NOT NULL,
    actor          text NOT NULL,
    payload        jsonb NOT NULL,
    hash           bytea NOT NULL,
    UNIQUE (project_id, version)
);

-- What somebody must react to (baton_contracts.routes) is found by type: the reconciler reads these few of many.
CREATE INDEX event_log_routed ON event_log (event_type, position)
 WHERE event_type IN ('task_created', 'task_dispatched', 'task_complete', 'task_failed', 'hitl_response',
                      'project_completed');

CREATE TABLE log_head (
    id          uuid PRIMARY KEY,
    position    bigint NOT NULL,
    "timestamp" timestamptz NOT NULL,
    hash        bytea NOT NULL,
    epoch       uuid NOT NULL
);
INSERT INTO log_head VALUES (gen_random_uuid(), 0, '-infinity', '\x00', gen_random_uuid());

-- What each consumer has settled, under a key derived from consumer and message.
CREATE TABLE inbox (
    id           uuid PRIMARY KEY,
    consumer     text NOT NULL,
    message_id   uuid NOT NULL,
    request_hash text NOT NULL,
    position     bigint NOT NULL,
    version      int NOT NULL,
    settled_at   timestamptz NOT NULL,
    reply        jsonb
);

-- Rows go by age. A block range index costs an append next to nothing, for rows come in the order of their age.
CREATE INDEX inbox_age ON inbox USING brin (settled_at);

CREATE TABLE checkpoints (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name       text NOT NULL UNIQUE,
    position   bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- A runner is alive while its counter moves.
CREATE TABLE runners (
    id      uuid PRIMARY KEY,
    counter bigint NOT NULL DEFAULT 0,
    beat_at timestamptz NOT NULL DEFAULT now()
);

-- A message's own time comes first in the key (ids are uuid7), so that new rows stay close together in the index.
-- The casts keep it immutable, so it is inlined.
CREATE FUNCTION inbox_key(consumer text, message_id uuid) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (substr(message_id::text, 1, 18) || substr(md5(consumer || ':' || message_id::text), 1, 16))::uuid;

CREATE FUNCTION event_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'event_log is append-only: % is not allowed', TG_OP;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event_log
    FOR EACH STATEMENT EXECUTE FUNCTION event_log_is_append_only();
ALTER TABLE event_log ENABLE ALWAYS TRIGGER append_only;

-- The text that an event's hash covers, after the hash of the event before it: fields parted by spaces, which none of
-- them holds up to the two lengths, then the type, the actor and the payload without anything between.
CREATE FUNCTION log_body(
    "position" bigint, version int, id uuid, project_id uuid, event_type text, moment timestamptz, actor text,
    causation_id uuid, correlation_id uuid, schema_version int, payload jsonb
) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN concat(position, ' ', version, ' ', id, ' ', project_id, ' ', extract(epoch FROM moment), ' ', causation_id,
                  ' ', correlation_id, ' ', schema_version, ' ', length(event_type), ' ', length(actor), ' ',
                  event_type, actor, payload);
