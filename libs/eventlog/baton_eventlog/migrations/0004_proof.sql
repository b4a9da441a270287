-- What proves the log, and who may do what to it.

-- Each seal covers the events in (low, high], and by its digest the seal before it. Made by the sealer with a key
-- that never gets here. UNIQUE (low) also fences: of two sealers, one writes.
CREATE TABLE log_seals (
    id        uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    low       bigint NOT NULL UNIQUE,
    high      bigint NOT NULL UNIQUE CHECK (high > low),
    digest    bytea NOT NULL,
    sealed_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION log_seals_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'log_seals is append-only: % is not allowed', TG_OP;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log_seals
    FOR EACH STATEMENT EXECUTE FUNCTION log_seals_are_append_only();
ALTER TABLE log_seals ENABLE ALWAYS TRIGGER append_only;

-- The services run as baton_app: they append and read, and own nothing. One role serves all databases of a server.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'baton_app') THEN
        CREATE ROLE baton_app NOLOGIN;
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'baton_app was not created: % may not create roles, so services keep the rights of their login. '
                     'As an administrator: CREATE ROLE baton_app NOLOGIN; GRANT baton_app TO "%"; then `baton db up`.',
                     current_user, current_user;
    WHEN duplicate_object OR unique_violation THEN
        NULL; -- another database of this server was migrated at the same moment
END $$;

-- Give baton_app its rights, on what is there of it; nothing happens where the role does not exist. `migrate` calls it
-- after whatever it has applied, `baton db up` always. A rebuild of the projections copies the rights that it finds.
CREATE FUNCTION grant_app_rights() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    one record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'baton_app') THEN
        RETURN;
    END IF;
    FOR one IN SELECT * FROM (VALUES
            ('event_log', 'SELECT, INSERT'), ('log_seals', 'SELECT, INSERT'), ('log_blobs', 'SELECT, INSERT'),
            ('log_head', 'SELECT, UPDATE'), ('checkpoints', 'SELECT, INSERT, UPDATE'),
            ('inbox', 'SELECT, INSERT, DELETE'), ('runners', 'SELECT, INSERT, UPDATE, DELETE'),
            ('schema_migrations', 'SELECT')) AS r (relation, rights)
             WHERE to_regclass(relation) IS NOT NULL LOOP
        EXECUTE format('GRANT %s ON %I TO baton_app', one.rights, one.relation);
    END LOOP;
    GRANT USAGE ON SCHEMA projections TO baton_app;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA projections TO baton_app;
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO baton_app;
END $$;
