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

-- Who must react to what is found by type: the reconciler reads these few of many.
CREATE INDEX event_log_type ON event_log (event_type, position);

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

CREATE FUNCTION inbox_key(consumer text, message_id uuid) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN md5(consumer || ':' || message_id::text)::uuid; -- the cast keeps it immutable, so it is inlined

CREATE FUNCTION event_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'event_log is append-only: % is not allowed', TG_OP;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event_log
    FOR EACH STATEMENT EXECUTE FUNCTION event_log_is_append_only();
ALTER TABLE event_log ENABLE ALWAYS TRIGGER append_only;

-- The hash chain as a window aggregate: each row's hash covers the one before it and the row's own columns.
-- (plpgsql: a step in SQL starts an executor for each row, which cost three quarters of an append.)
CREATE FUNCTION chain_step(state bytea, origin bytea, body text) RETURNS bytea
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN sha256(coalesce(state, origin) || convert_to(body, 'UTF8'));
END $$;
CREATE AGGREGATE chain(origin bytea, body text) (SFUNC = chain_step, STYPE = bytea);
