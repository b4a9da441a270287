-- The contract's tables, derived from the log. Every one of them can be dropped and filled again by
-- project_range(0, head): each statement is set-based over a range of positions and the last writer wins by
-- position, so one new event and a rebuild are the same code.

CREATE TYPE project_status AS ENUM ('active', 'completed', 'failed');
CREATE TYPE task_status AS ENUM ('pending', 'working', 'waiting_for_hitl', 'completed', 'failed');
CREATE TYPE hitl_status AS ENUM ('pending', 'approved', 'rejected', 'amended');

CREATE TABLE projects (
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

CREATE TABLE workflow_executions (
    id              uuid PRIMARY KEY,
    project_id      uuid NOT NULL REFERENCES projects DEFERRABLE INITIALLY DEFERRED,
    workflow_id     text NOT NULL,
    definition_hash text NOT NULL,
    total_steps     int NOT NULL,
    started_at      timestamptz NOT NULL
);
CREATE INDEX workflow_executions_project ON workflow_executions (project_id);

CREATE TABLE tasks (
    id           uuid PRIMARY KEY,
    project_id   uuid NOT NULL REFERENCES projects DEFERRABLE INITIALLY DEFERRED,
    execution_id uuid NOT NULL REFERENCES workflow_executions DEFERRABLE INITIALLY DEFERRED,
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
CREATE INDEX tasks_project ON tasks (project_id, created_at);
CREATE INDEX tasks_working ON tasks (runner_id) WHERE status = 'working';

CREATE TABLE context_artifacts (
    id            uuid PRIMARY KEY,
    project_id    uuid NOT NULL REFERENCES projects DEFERRABLE INITIALLY DEFERRED,
    task_id       uuid NOT NULL UNIQUE REFERENCES tasks DEFERRABLE INITIALLY DEFERRED,
    source_agent  text NOT NULL,
    artifact_type text NOT NULL CHECK (artifact_type IN ('spec', 'plan', 'code', 'log')),
    handoff_type  text NOT NULL,
    content       jsonb NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    position      bigint NOT NULL
);
CREATE INDEX context_artifacts_project ON context_artifacts (project_id, created_at);

CREATE TABLE hitl_requests (
    id               uuid PRIMARY KEY,
    project_id       uuid NOT NULL REFERENCES projects DEFERRABLE INITIALLY DEFERRED,
    task_id          uuid NOT NULL UNIQUE REFERENCES tasks DEFERRABLE INITIALLY DEFERRED,
    request_content  text NOT NULL,
    status           hitl_status NOT NULL,
    response_content text,
    responded_by     text,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    position         bigint NOT NULL
);
CREATE INDEX hitl_requests_project ON hitl_requests (project_id, created_at);

CREATE TABLE agent_status (
    id              uuid PRIMARY KEY,
    agent_type      text NOT NULL UNIQUE,
    status          text NOT NULL CHECK (status IN ('idle', 'working', 'waiting_for_hitl', 'error')),
    current_task_id uuid,
    last_activity   timestamptz NOT NULL,
    position        bigint NOT NULL
);

INSERT INTO checkpoints (name, position) VALUES ('projector', 0);

CREATE FUNCTION named_id(name text) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN md5(name)::uuid;

-- project_range: fold the events in (low, high] into the tables above, in one round trip.
CREATE FUNCTION project_range(low bigint, high bigint) RETURNS void LANGUAGE sql AS $$
    INSERT INTO projects (id, name, created_at, status, product_idea, tenant, updated_at, position)
    SELECT project_id, payload ->> 'name', "timestamp", 'active', payload ->> 'product_idea', payload ->> 'tenant',
           "timestamp", position
      FROM event_log WHERE position > low AND position <= high AND event_type = 'project_created'
    ON CONFLICT (id) DO NOTHING;

    UPDATE projects p
       SET status = e.status::project_status, reason = e.reason, updated_at = e."timestamp", position = e.position
      FROM (SELECT DISTINCT ON (project_id) project_id, substr(event_type, 9) AS status, payload ->> 'reason' AS reason,
                   "timestamp", position
              FROM event_log
             WHERE position > low AND position <= high AND event_type IN ('project_completed', 'project_failed')
             ORDER BY project_id, position DESC) e
     WHERE p.id = e.project_id AND p.position < e.position;

    UPDATE projects p
       SET bundle = e.payload, updated_at = e."timestamp", position = e.position
      FROM (SELECT DISTINCT ON (project_id) project_id, payload, "timestamp", position
              FROM event_log
             WHERE position > low AND position <= high AND event_type = 'artifacts_generated'
             ORDER BY project_id, position DESC) e
     WHERE p.id = e.project_id;

    INSERT INTO workflow_executions (id, project_id, workflow_id, definition_hash, total_steps, started_at)
    SELECT (payload ->> 'execution_id')::uuid, project_id, payload ->> 'workflow_id', payload ->> 'definition_hash',
           (payload ->> 'total_steps')::int, "timestamp"
      FROM event_log WHERE position > low AND position <= high AND event_type = 'workflow_started'
    ON CONFLICT (id) DO NOTHING;

    INSERT INTO tasks (id, project_id, execution_id, step_id, agent_type, instructions, status, attempt, created_at,
                       updated_at, position)
    SELECT (payload ->> 'task_id')::uuid, project_id, (payload ->> 'execution_id')::uuid, payload ->> 'step_id',
           payload ->> 'agent_type', payload ->> 'instructions', 'pending', (payload ->> 'attempt')::int, "timestamp",
           "timestamp", position
      FROM event_log WHERE position > low AND position <= high AND event_type = 'task_created'
    ON CONFLICT (id) DO NOTHING;

    UPDATE tasks t
       SET status = e.status::task_status, attempt = coalesce(e.attempt, t.attempt),
           runner_id = e.runner_id, reason = e.reason, updated_at = e."timestamp", position = e.position
      FROM (SELECT DISTINCT ON (payload ->> 'task_id') (payload ->> 'task_id')::uuid AS task_id, "timestamp", position,
                   CASE event_type
                       WHEN 'task_dispatched' THEN 'pending'
                       WHEN 'task_start' THEN 'working'
                       WHEN 'task_complete' THEN
                            CASE WHEN (payload ->> 'awaits_review')::bool THEN 'waiting_for_hitl' ELSE 'completed' END
                       WHEN 'task_failed' THEN 'failed'
                       WHEN 'hitl_response' THEN
                            CASE payload ->> 'action' WHEN 'approved' THEN 'completed' WHEN 'rejected' THEN 'failed'
                                                      ELSE 'waiting_for_hitl' END
                   END AS status,
                   -- a response names no attempt: the highest of the range stands, whichever event is the last
                   max((payload ->> 'attempt')::int) OVER (PARTITION BY payload ->> 'task_id') AS attempt,
                   (payload ->> 'runner_id')::uuid AS runner_id,
                   CASE WHEN event_type = 'task_failed' THEN payload ->> 'reason'
                        WHEN payload ->> 'action' = 'rejected' THEN payload ->> 'response' END AS reason
              FROM event_log
             WHERE position > low AND position <= high
               AND event_type IN ('task_dispatched', 'task_start', 'task_complete', 'task_failed', 'hitl_response')
             ORDER BY payload ->> 'task_id', position DESC) e
     WHERE t.id = e.task_id AND t.position < e.position;

    INSERT INTO context_artifacts (id, project_id, task_id, source_agent, artifact_type, handoff_type, content,
                                   created_at, updated_at, position)
    SELECT DISTINCT ON (payload #>> '{artifact,artifact_id}')
           (payload #>> '{artifact,artifact_id}')::uuid, project_id, (payload ->> 'task_id')::uuid,
           payload ->> 'agent_type', payload #>> '{artifact,artifact_type}', payload #>> '{artifact,handoff_type}',
           payload #> '{artifact,content}', "timestamp", "timestamp", position
      FROM event_log
     WHERE position > low AND position <= high AND event_type IN ('task_complete', 'task_failed')
       AND jsonb_typeof(payload -> 'artifact') = 'object'
     ORDER BY payload #>> '{artifact,artifact_id}', position DESC
    ON CONFLICT (id) DO UPDATE
       SET content = excluded.content, updated_at = excluded.updated_at, position = excluded.position
     WHERE context_artifacts.position < excluded.position;

    INSERT INTO hitl_requests (id, project_id, task_id, request_content, status, created_at, updated_at, position)
    SELECT (payload ->> 'request_id')::uuid, project_id, (payload ->> 'task_id')::uuid, payload ->> 'question',
           'pending', "timestamp", "timestamp", position
      FROM event_log WHERE position > low AND position <= high AND event_type = 'hitl_request'
    ON CONFLICT (id) DO NOTHING;

    UPDATE hitl_requests r
       SET status = (e.payload ->> 'action')::hitl_status, response_content = e.payload ->> 'response',
           responded_by = e.actor, updated_at = e."timestamp", position = e.position
      FROM event_log e
     WHERE e.position > low AND e.position <= high AND e.event_type = 'hitl_response'
       AND r.id = (e.payload ->> 'request_id')::uuid AND r.position < e.position;

    INSERT INTO agent_status (id, agent_type, status, current_task_id, last_activity, position)
    SELECT DISTINCT ON (payload ->> 'agent_type')
           named_id(payload ->> 'agent_type'), payload ->> 'agent_type', s.status,
           CASE WHEN s.status <> 'idle' THEN (payload ->> 'task_id')::uuid END, "timestamp", position
      FROM event_log
     CROSS JOIN LATERAL (SELECT CASE event_type
                WHEN 'task_start' THEN 'working'
                WHEN 'task_complete' THEN
                     CASE WHEN (payload ->> 'awaits_review')::bool THEN 'waiting_for_hitl' ELSE 'idle' END
                WHEN 'task_failed' THEN 'error'
                WHEN 'hitl_response' THEN 'idle' END AS status) s
     WHERE position > low AND position <= high
       AND event_type IN ('task_start', 'task_complete', 'task_failed', 'hitl_response')
     ORDER BY payload ->> 'agent_type', position DESC
    ON CONFLICT (id) DO UPDATE
       SET status = excluded.status, current_task_id = excluded.current_task_id,
           last_activity = excluded.last_activity, position = excluded.position
     WHERE agent_status.position < excluded.position;
$$;
