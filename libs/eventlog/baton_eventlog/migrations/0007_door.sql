-- Who may come in, beside the log: API keys, and the tickets with which a browser opens a socket. And which tenants
-- somebody is shown.

-- A key's secret is never here, only its sha256: 256 random bits need no salt and no slow hash. A name stays taken
-- after its key was revoked, for the log goes on naming it as the actor.
CREATE TABLE api_keys (
    id         uuid PRIMARY KEY,
    name       text NOT NULL UNIQUE,
    role       text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    tenant     text,        -- null: of no tenant, so of all; for admins alone
    hash       bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    CHECK (tenant IS NOT NULL OR role = 'admin')
);

CREATE TABLE ws_tickets (
    id         uuid PRIMARY KEY,
    hash       bytea NOT NULL,
    principal  jsonb NOT NULL,
    expires_at timestamptz NOT NULL
);

-- The tenants whose projects somebody is shown: the one that is wanted, or (null) each that has any. Each is found by
-- one step in an index that begins with the tenant, however many projects there are.
CREATE FUNCTION tenants_shown(wanted text) RETURNS SETOF text LANGUAGE plpgsql STABLE ROWS 10 AS $$
BEGIN
    IF wanted IS NOT NULL THEN
        RETURN NEXT wanted;
        RETURN;
    END IF;
    RETURN QUERY
    WITH RECURSIVE each AS (
        (SELECT tenant FROM projects ORDER BY tenant LIMIT 1)
         UNION ALL
        SELECT (SELECT p.tenant FROM projects p WHERE p.tenant > each.tenant ORDER BY p.tenant LIMIT 1)
          FROM each WHERE each.tenant IS NOT NULL
    )
    SELECT tenant FROM each WHERE tenant IS NOT NULL;
END $$;

-- A list of all tenants begins at each of them by index. By the number of tenants the planner would expect few rows of
-- each, and sort them all where there are many: let it think of the largest tenant (PostgreSQL takes the lesser of this
-- and of how common the commonest value is).
ALTER TABLE projects ALTER tenant SET (n_distinct = 1);
ALTER TABLE hitl_requests ALTER tenant SET (n_distinct = 1);
ALTER TABLE agent_status_history ALTER tenant SET (n_distinct = 1);

CREATE OR REPLACE FUNCTION grant_app_rights() RETURNS void LANGUAGE plpgsql AS $$
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
            ('api_keys', 'SELECT'), ('ws_tickets', 'SELECT, INSERT, DELETE'),
            ('schema_migrations', 'SELECT')) AS r (relation, rights)
             WHERE to_regclass(relation) IS NOT NULL LOOP
        EXECUTE format('GRANT %s ON %I TO baton_app', one.rights, one.relation);
    END LOOP;
    GRANT USAGE ON SCHEMA projections TO baton_app;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA projections TO baton_app;
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO baton_app;
END $$;
