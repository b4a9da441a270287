-- The contract's tables, derived from the log, in a schema of their own. Every one of them can be dropped and filled
-- again by project_range(0, head): each statement is set-based over a range of positions and the last writer wins by
-- position, so one new event and a rebuild are the same code.
--
-- Types and functions stay in `public`: a rebuild fills a second schema and renames it, and a statement that was
-- prepared before must find the same types after. `public` comes first in every search_path, so that what is created
-- without a schema's name does not land where the next rebuild would sweep it away.

CREATE SCHEMA projections;

DO $$
BEGIN
    -- For people in psql; Baton's own sessions name theirs.
    EXECUTE format('ALTER DATABASE %I SET search_path = "$user", public, projections', current_database());
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'Not the owner of the database: outside of Baton, name the schema, as in projections.tasks';
END $$;

CREATE TYPE project_status AS ENUM ('active', 'completed', 'failed');
CREATE TYPE task_status AS ENUM ('pending', 'working', 'waiting_for_hitl', 'completed', 'failed');
CREATE TYPE hitl_status AS ENUM ('pending', 'approved', 'rejected', 'amended');

CREATE TABLE projections.projects (
    id           uuid PRIMARY KEY,
    name         text NOT NULL,
    created_at   timestamptz NOT NULL,
    status       project_status NOT NULL,
    product_idea text NOT NULL,
    tenant       text NOT NULL,
    reason       text,
    updated_at   timestamptz NOT NULL,
    position     bigint NOT NULL,
    bundle       jsonb           -- the newest artifacts_generated: sha256, size, files
);

CREATE TABLE projections.workflow_executions (
    id              uuid PRIMARY KEY,
    project_id      uuid NOT NULL REFERENCES projections.projects DEFERRABLE INITIALLY DEFERRED,
    workflow_id     text NOT NULL,
    definition_hash text NOT NULL,
    total_steps     int NOT NULL,
    started_at      timestamptz NOT NULL
);
CREATE INDEX workflow_executions_project ON projections.workflow_executions (project_id);

CREATE TABLE projections.tasks (
    id           uuid PRIMARY KEY,
    project_id   uuid NOT NULL REFERENCES projections.projects DEFERRABLE INITIALLY DEFERRED,
    execution_id uuid NOT NULL REFERENCES projections.workflow_executions DEFERRABLE INITIALLY DEFERRED,
    step_id      text NOT NULL,
    agent_type   text NOT NULL,
    instructions text NOT NULL,
    status       task_status NOT NULL,
    attempt      int NOT NULL,
    runner_id    uuid,
    reason       text,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    position     bigint NOT NULL
);
CREATE INDEX tasks_project ON projections.tasks (project_id, created_at);
CREATE INDEX tasks_working ON projections.tasks (runner_id) WHERE status = 'working';

CREATE TABLE projections.context_artifacts (
    id            uuid PRIMARY KEY,
    project_id    uuid NOT NULL REFERENCES projections.projects DEFERRABLE INITIALLY DEFERRED,
    task_id       uuid NOT NULL UNIQUE REFERENCES projections.tasks DEFERRABLE INITIALLY DEFERRED,
    source_agent  text NOT NULL,
    artifact_type text NOT NULL CHECK (artifact_type IN ('spec', 'plan', 'code', 'log')),
    handoff_type  text NOT NULL,
    content       jsonb NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    position      bigint NOT NULL
);
CREATE INDEX context_artifacts_project ON projections.context_artifacts (project_id, created_at);

CREATE TABLE projections.hitl_requests (
    id               uuid PRIMARY KEY,
    project_id       uuid NOT NULL REFERENCES projections.projects DEFERRABLE INITIALLY DEFERRED,
    task_id          uuid NOT NULL UNIQUE REFERENCES projections.tasks DEFERRABLE INITIALLY DEFERRED,
    request_content  text NOT NULL,
    status           hitl_status NOT NULL,
    response_content text,
    responded_by     text,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    position         bigint NOT NULL
);
CREATE INDEX hitl_requests_project ON projections.hitl_requests (project_id, created_at);

CREATE TABLE projections.agent_status (
    id              uuid PRIMARY KEY,
    agent_type      text NOT NULL UNIQUE,
    status          text NOT NULL CHECK (status IN ('idle', 'working', 'waiting_for_hitl', 'error')),
    current_task_id uuid,
    last_activity   timestamptz NOT NULL,
    position        bigint NOT NULL
);

-- One row an event that changes an agent's status, under the event's id. No foreign keys: what an agent did is true
-- of the agent, whatever project it was for.
CREATE TABLE projections.agent_status_history (
    id          uuid PRIMARY KEY,
    agent_type  text NOT NULL,
    status      text NOT NULL CHECK (status IN ('idle', 'working', 'waiting_for_hitl', 'error')),
    task_id     uuid,
    project_id  uuid NOT NULL,
    "timestamp" timestamptz NOT NULL,
    position    bigint NOT NULL
);
CREATE INDEX agent_status_history_agent ON projections.agent_status_history (agent_type, position);

-- What happens by itself at some moment; a request's deadline has the request's id.
CREATE TABLE projections.timers (
    id         uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projections.projects DEFERRABLE INITIALLY DEFERRED,
    kind       text NOT NULL CHECK (kind IN ('hitl_deadline')),
    status     text NOT NULL CHECK (status IN ('waiting', 'over')),
    due_at     timestamptz NOT NULL,
    position   bigint NOT NULL
);
CREATE INDEX timers_waiting ON projections.timers (due_at) WHERE status = 'waiting';

INSERT INTO checkpoints (name, position) VALUES ('projector', 0);

CREATE FUNCTION named_id(name text) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN md5(name)::uuid;

-- project_range: fold the events in (low, high] into the tables above, in one round trip and one pass over the log.
--
-- No table is named with its schema, and no search_path is set here: the caller's decides which tables are filled.
-- A row that begins in the range is inserted in its final state, one that began earlier is updated once. The settings
-- keep every join a look-up by key: one plan serves one event and ten thousand, on empty tables and on grown ones.
-- A blob that is broken is warned of and passed: one event must not keep all later ones out of the tables.
CREATE FUNCTION project_range(low bigint, high bigint) RETURNS void LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
WITH event AS MATERIALIZED (
    SELECT id, project_id, "timestamp", position, event_type, actor,
           CASE WHEN payload ? '$blobs' THEN with_blobs(payload - 'handoff', lenient => true) ELSE payload END AS payload,
           (payload ->> 'task_id')::uuid AS task_id, payload ->> 'agent_type' AS agent_type,
           CASE event_type
               WHEN 'task_created' THEN 'pending'
               WHEN 'task_dispatched' THEN 'pending'
               WHEN 'task_start' THEN 'working'
               WHEN 'task_complete' THEN
                    CASE WHEN (payload ->> 'awaits_review')::bool THEN 'waiting_for_hitl' ELSE 'completed' END
               WHEN 'task_failed' THEN 'failed'
               WHEN 'hitl_response' THEN
                    CASE payload ->> 'action' WHEN 'approved' THEN 'completed' WHEN 'rejected' THEN 'failed'
                                              ELSE 'waiting_for_hitl' END
           END::task_status AS task_status,
           CASE event_type
               WHEN 'task_start' THEN 'working'
               WHEN 'task_complete' THEN
                    CASE WHEN (payload ->> 'awaits_review')::bool THEN 'waiting_for_hitl' ELSE 'idle' END
               WHEN 'task_failed' THEN 'error'
               WHEN 'hitl_response' THEN 'idle'
           END AS agent_status
      FROM event_log
     WHERE position > low AND position <= high
       AND event_type IN ('project_created', 'project_completed', 'project_failed', 'artifacts_generated',
                          'workflow_started', 'task_created', 'task_dispatched', 'task_start', 'task_complete',
                          'task_failed', 'hitl_request', 'hitl_response')

), project AS MATERIALIZED (
    SELECT project_id AS id, min("timestamp") AS created_at, max("timestamp") AS updated_at, max(position) AS position,
           (array_agg(payload ORDER BY position) FILTER (WHERE event_type = 'project_created'))[1] AS created,
           (array_agg(substr(event_type, 9)::project_status ORDER BY position DESC)
              FILTER (WHERE event_type IN ('project_completed', 'project_failed')))[1] AS status,
           (array_agg(payload ->> 'reason' ORDER BY position DESC)
              FILTER (WHERE event_type IN ('project_completed', 'project_failed')))[1] AS reason,
           (array_agg(payload ORDER BY position DESC) FILTER (WHERE event_type = 'artifacts_generated'))[1] AS bundle
      FROM event
     WHERE event_type IN ('project_created', 'project_completed', 'project_failed', 'artifacts_generated')
     GROUP BY project_id
), new_project AS (
    INSERT INTO projects (id, name, created_at, status, product_idea, tenant, reason, updated_at, position, bundle)
    SELECT id, created ->> 'name', created_at, coalesce(status, 'active'), created ->> 'product_idea',
           created ->> 'tenant', reason, updated_at, position, bundle
      FROM project WHERE created IS NOT NULL
    ON CONFLICT (id) DO NOTHING
), earlier_project AS (
    UPDATE projects p
       SET status = coalesce(n.status, p.status), reason = CASE WHEN n.status IS NULL THEN p.reason ELSE n.reason END,
           bundle = coalesce(n.bundle, p.bundle), updated_at = n.updated_at, position = n.position
      FROM project n WHERE n.created IS NULL AND p.id = n.id AND p.position < n.position

), execution AS (
    INSERT INTO workflow_executions (id, project_id, workflow_id, definition_hash, total_steps, started_at)
    SELECT (payload ->> 'execution_id')::uuid, project_id, payload ->> 'workflow_id', payload ->> 'definition_hash',
           (payload ->> 'total_steps')::int, "timestamp"
      FROM event WHERE event_type = 'workflow_started'
    ON CONFLICT (id) DO NOTHING

), task AS MATERIALIZED (
    SELECT * FROM (
        SELECT task_id AS id, event_type = 'task_created' AS is_new, project_id, agent_type, payload,
               "timestamp" AS created_at, row_number() OVER life AS nth, last_value("timestamp") OVER life AS updated_at,
               last_value(position) OVER life AS position, last_value(task_status) OVER life AS status,
               last_value((payload ->> 'runner_id')::uuid) OVER life AS runner_id,
               -- a response names no attempt: the highest stands, whichever event is the last
               max((payload ->> 'attempt')::int) OVER life AS attempt,
               last_value(CASE WHEN event_type = 'task_failed' THEN payload ->> 'reason'
                               WHEN payload ->> 'action' = 'rejected' THEN payload ->> 'response' END) OVER life AS reason
          FROM event WHERE task_status IS NOT NULL
        WINDOW life AS (PARTITION BY task_id ORDER BY position
                        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)) every WHERE nth = 1
), new_task AS (
    INSERT INTO tasks (id, project_id, execution_id, step_id, agent_type, instructions, status, attempt, runner_id,
                       reason, created_at, updated_at, position)
    SELECT id, project_id, (payload ->> 'execution_id')::uuid, payload ->> 'step_id', agent_type,
           payload ->> 'instructions', status, attempt, runner_id, reason, created_at, updated_at, position
      FROM task WHERE is_new
    ON CONFLICT (id) DO NOTHING
), earlier_task AS (
    UPDATE tasks t
       SET status = n.status, attempt = greatest(n.attempt, t.attempt), runner_id = n.runner_id, reason = n.reason,
           updated_at = n.updated_at, position = n.position
      FROM task n WHERE NOT n.is_new AND t.id = n.id AND t.position < n.position

), artifact AS (
    INSERT INTO context_artifacts (id, project_id, task_id, source_agent, artifact_type, handoff_type, content,
                                   created_at, updated_at, position)
    SELECT DISTINCT ON (task_id)
           (made ->> 'artifact_id')::uuid, project_id, task_id, agent_type, made ->> 'artifact_type',
           made ->> 'handoff_type', made -> 'content', min("timestamp") OVER (PARTITION BY task_id), "timestamp",
           position
      FROM (SELECT *, payload -> 'artifact' AS made FROM event WHERE event_type IN ('task_complete', 'task_failed')) e
     WHERE jsonb_typeof(made) = 'object'
     ORDER BY task_id, position DESC
    ON CONFLICT (task_id) DO UPDATE
       SET id = excluded.id, artifact_type = excluded.artifact_type, handoff_type = excluded.handoff_type,
           content = excluded.content, updated_at = excluded.updated_at, position = excluded.position
     WHERE context_artifacts.position < excluded.position

), request AS MATERIALIZED (
    SELECT * FROM (
        SELECT (payload ->> 'request_id')::uuid AS id, event_type = 'hitl_request' AS is_new, project_id, task_id,
               payload ->> 'question' AS question, (payload ->> 'deadline_seconds')::int AS deadline,
               "timestamp" AS created_at, row_number() OVER life AS nth,
               last_value("timestamp") OVER life AS updated_at, last_value(position) OVER life AS position,
               last_value(coalesce(payload ->> 'action', 'pending')::hitl_status) OVER life AS status,
               last_value(payload ->> 'response') OVER life AS response,
               last_value(CASE event_type WHEN 'hitl_response' THEN actor END) OVER life AS responded_by
          FROM event WHERE event_type IN ('hitl_request', 'hitl_response')
        WINDOW life AS (PARTITION BY payload ->> 'request_id' ORDER BY position
                        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)) every WHERE nth = 1
), new_request AS (
    INSERT INTO hitl_requests (id, project_id, task_id, request_content, status, response_content, responded_by,
                               created_at, updated_at, position)
    SELECT id, project_id, task_id, question, status, response, responded_by, created_at, updated_at, position
      FROM request WHERE is_new
    ON CONFLICT (id) DO NOTHING
), earlier_request AS (
    UPDATE hitl_requests r
       SET status = n.status, response_content = n.response, responded_by = n.responded_by,
           updated_at = n.updated_at, position = n.position
      FROM request n WHERE NOT n.is_new AND r.id = n.id AND r.position < n.position

), new_timer AS (
    INSERT INTO timers (id, project_id, kind, status, due_at, position)
    SELECT id, project_id, 'hitl_deadline', CASE status WHEN 'pending' THEN 'waiting' ELSE 'over' END,
           created_at + make_interval(secs => deadline), position
      FROM request WHERE is_new AND deadline IS NOT NULL
    ON CONFLICT (id) DO NOTHING
), earlier_timer AS (
    UPDATE timers t SET status = 'over', position = n.position
      FROM request n WHERE NOT n.is_new AND t.id = n.id AND t.position < n.position

), history AS ( -- it ends with agent_status' newest row; knowing that costs half of what a conflict clause would
    INSERT INTO agent_status_history (id, agent_type, status, task_id, project_id, "timestamp", position)
    SELECT id, agent_type, agent_status, task_id, project_id, "timestamp", position
      FROM event
     WHERE agent_status IS NOT NULL AND position > (SELECT coalesce(max(position), 0) FROM agent_status)
)
INSERT INTO agent_status (id, agent_type, status, current_task_id, last_activity, position)
SELECT named_id(agent_type), agent_type, agent_status, CASE WHEN agent_status <> 'idle' THEN task_id END, "timestamp",
       position
  FROM event
 WHERE position = ANY (ARRAY(SELECT max(position) FROM event WHERE agent_status IS NOT NULL GROUP BY agent_type))
ON CONFLICT (id) DO UPDATE
   SET status = excluded.status, current_task_id = excluded.current_task_id,
       last_activity = excluded.last_activity, position = excluded.position
 WHERE agent_status.position < excluded.position;
END $$;
