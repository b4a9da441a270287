-- Projects that pause, go on after their end and lose their bundles; agents counted, in each tenant; the model's state.
--
-- An agent works while any task of its type works. So each of its events keeps, beside the status after it, how many
-- tasks work and wait after it: the next range counts on from there. The tables change in place, empty, and are filled
-- again from the log up to where the projector was; until that is done nobody else moves it, and no rebuild begins.

SET LOCAL search_path TO public, projections;
SELECT pg_advisory_xact_lock(hashtext('baton-rebuild'));
SELECT position FROM checkpoints WHERE name = 'projector' FOR UPDATE;

TRUNCATE projects, workflow_executions, tasks, context_artifacts, hitl_requests, agent_status, agent_status_history,
         timers;

ALTER TABLE projects ADD COLUMN paused bool NOT NULL, ADD COLUMN bundled_at timestamptz;
CREATE INDEX projects_created ON projects (tenant, created_at, id);
CREATE INDEX projects_updated ON projects (tenant, updated_at, id);
CREATE INDEX projects_named ON projects (tenant, name, id);
CREATE INDEX tasks_busy ON tasks (agent_type, status, position) WHERE status IN ('working', 'waiting_for_hitl');

ALTER TABLE hitl_requests ADD COLUMN tenant text NOT NULL;  -- its project's, so that a list of them begins at it
CREATE INDEX hitl_requests_pending ON hitl_requests (tenant, created_at, id) WHERE status = 'pending';
CREATE INDEX hitl_requests_created ON hitl_requests (tenant, created_at, id);
CREATE INDEX workflow_executions_recent ON workflow_executions (workflow_id, started_at DESC, id);

-- Which task an agent is at, `tasks` tells of now and the history of any moment before: it need not stand here.
ALTER TABLE agent_status
    DROP CONSTRAINT agent_status_agent_type_key,
    DROP COLUMN current_task_id,
    ADD COLUMN tenant text NOT NULL,
    ADD COLUMN working int NOT NULL,
    ADD COLUMN waiting int NOT NULL,
    ADD CONSTRAINT agent_status_agent UNIQUE (agent_type, tenant);

ALTER TABLE agent_status_history
    ADD COLUMN tenant text NOT NULL,
    ADD COLUMN task_status task_status,  -- the task's after the event, which may be another than the agent's
    ADD COLUMN working int NOT NULL,
    ADD COLUMN waiting int NOT NULL;
DROP INDEX agent_status_history_agent;
CREATE INDEX agent_status_history_agent ON agent_status_history (agent_type, tenant, position);
CREATE INDEX agent_status_history_task ON agent_status_history (task_id) WHERE task_status <> 'working';

CREATE TABLE projections.llm_status (  -- one row: the newest call of a model
    id          uuid PRIMARY KEY,
    provider    text NOT NULL,
    model       text NOT NULL,
    outcome     text NOT NULL,
    "timestamp" timestamptz NOT NULL,
    position    bigint NOT NULL
);

-- project_range: fold the events in (low, high] into the tables above, in one round trip and one pass over the log.
--
-- No table is named with its schema, and no search_path is set here: the caller's decides which tables are filled.
-- A row that begins in the range is inserted in its final state, one that began earlier is updated once. The settings
-- keep every join a look-up by key: one plan serves one event and ten thousand, on empty tables and on grown ones.
-- A blob that is broken is warned of and passed: one event must not keep all later ones out of the tables.
CREATE OR REPLACE FUNCTION project_range(low bigint, high bigint) RETURNS void LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
WITH event AS MATERIALIZED (
    SELECT id, project_id, "timestamp", position, event_type, actor,
           CASE WHEN payload ? '$blobs' THEN with_blobs(payload - 'handoff', lenient => true)
                ELSE payload END AS payload,
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
           event_type = 'task_failed' AND (payload ->> 'stopped')::bool IS NOT TRUE AS is_fault
      FROM event_log
     WHERE position > low AND position <= high
       AND event_type IN ('project_created', 'project_completed', 'project_failed', 'project_paused',
                          'project_resumed', 'project_reopened', 'artifacts_generated', 'artifacts_cleaned',
                          'workflow_started', 'task_created', 'task_dispatched', 'task_start', 'task_complete',
                          'task_failed', 'hitl_request', 'hitl_response', 'agent_reset')

), project AS MATERIALIZED ( -- a bundle stands until a cleaning names it: one of older bundles leaves the newest
    SELECT id, created_at, updated_at, position, created, paused, made, cleanings,
           CASE turn WHEN 'project_completed' THEN 'completed' WHEN 'project_failed' THEN 'failed'
                     WHEN 'project_reopened' THEN 'active' END::project_status AS status,
           CASE turn WHEN 'project_failed' THEN reason END AS reason,
           CASE WHEN NOT is_cleaned THEN made END AS bundle, CASE WHEN NOT is_cleaned THEN made_at END AS bundled_at
      FROM (SELECT project_id AS id, min("timestamp") AS created_at, max("timestamp") AS updated_at,
                   max(position) AS position,
                   (array_agg(payload ORDER BY position) FILTER (WHERE event_type = 'project_created'))[1] AS created,
                   (array_agg(event_type ORDER BY position DESC) FILTER (
                        WHERE event_type IN ('project_completed', 'project_failed', 'project_reopened')))[1] AS turn,
                   (array_agg(payload ->> 'reason' ORDER BY position DESC) FILTER (
                        WHERE event_type = 'project_failed'))[1] AS reason,
                   (array_agg(event_type = 'project_paused' ORDER BY position DESC) FILTER (
                        WHERE event_type IN ('project_paused', 'project_resumed', 'project_completed',
                                             'project_failed')))[1] AS paused,
                   (array_agg(payload ORDER BY position DESC) FILTER (
                        WHERE event_type = 'artifacts_generated'))[1] AS made,
                   max("timestamp") FILTER (WHERE event_type = 'artifacts_generated') AS made_at,
                   max(position) FILTER (WHERE event_type = 'artifacts_generated') AS made_position,
                   jsonb_agg(jsonb_build_object('position', position, 'sha256s', payload -> 'sha256s')) FILTER (
                        WHERE event_type = 'artifacts_cleaned') AS cleanings
              FROM event
             WHERE event_type IN ('project_created', 'project_completed', 'project_failed', 'project_paused',
                                  'project_resumed', 'project_reopened', 'artifacts_generated', 'artifacts_cleaned')
             GROUP BY project_id) folded
     CROSS JOIN LATERAL (
            SELECT cleanings IS NOT NULL AND jsonb_path_exists(
                       cleanings, '$[*] ? (@.position > $made && @.sha256s[*] == $sha256)',
                       jsonb_build_object('made', made_position, 'sha256', made -> 'sha256')) AS is_cleaned) cleaned
), begun AS MATERIALIZED ( -- the tenants of the projects that begin in the range
    SELECT jsonb_object_agg(id, created -> 'tenant') AS tenants FROM project WHERE created IS NOT NULL
), new_project AS (
    INSERT INTO projects (id, name, created_at, status, product_idea, tenant, reason, updated_at, position, bundle,
                          paused, bundled_at)
    SELECT id, created ->> 'name', created_at, coalesce(status, 'active'), created ->> 'product_idea',
           created ->> 'tenant', reason, updated_at, position, bundle, coalesce(paused, false), bundled_at
      FROM project WHERE created IS NOT NULL
    ON CONFLICT (id) DO NOTHING
), earlier_project AS (
    UPDATE projects p
       SET status = coalesce(n.status, p.status), reason = CASE WHEN n.status IS NULL THEN p.reason ELSE n.reason END,
           paused = coalesce(n.paused, p.paused), updated_at = n.updated_at, position = n.position,
           (bundle, bundled_at) = (
               SELECT CASE WHEN is_over THEN n.bundle ELSE p.bundle END,
                      CASE WHEN is_over THEN n.bundled_at ELSE p.bundled_at END
                 FROM (SELECT n.made IS NOT NULL OR jsonb_path_exists(
                                  n.cleanings, '$[*].sha256s[*] ? (@ == $sha256)',
                                  jsonb_build_object('sha256', p.bundle -> 'sha256')) AS is_over) earlier)
      FROM project n WHERE n.created IS NULL AND p.id = n.id AND p.position < n.position

), execution AS (
    INSERT INTO workflow_executions (id, project_id, workflow_id, definition_hash, total_steps, started_at)
    SELECT (payload ->> 'execution_id')::uuid, project_id, payload ->> 'workflow_id', payload ->> 'definition_hash',
           (payload ->> 'total_steps')::int, "timestamp"
      FROM event WHERE event_type = 'workflow_started'
    ON CONFLICT (id) DO NOTHING

), step AS MATERIALIZED ( -- each event of a task; what it was before is told by the one before, else by the tables
    SELECT id, event_type, project_id, task_id, agent_type, "timestamp", position, task_status AS after, is_fault,
           CASE WHEN event_type <> 'task_created' THEN
                coalesce(lag(task_status) OVER life, (SELECT t.status FROM tasks t WHERE t.id = task_id)) END AS before,
           coalesce(first_value(tenant) OVER life, (SELECT p.tenant FROM projects p WHERE p.id = project_id)) AS tenant,
           CASE WHEN lead(position) OVER life IS NULL THEN payload END AS last,
           CASE WHEN lead(position) OVER life IS NULL THEN first_value(payload) OVER life END AS first,
           first_value("timestamp") OVER life AS created_at,
           first_value(event_type) OVER life = 'task_created' AS is_new,
           max((payload ->> 'attempt')::int) OVER life AS attempt -- a response names none: the highest stands
      FROM (SELECT *, CASE event_type WHEN 'task_created' THEN
                      (SELECT tenants FROM begun) ->> project_id::text END AS tenant
              FROM event WHERE task_status IS NOT NULL OFFSET 0) of_tasks
    WINDOW life AS (PARTITION BY task_id ORDER BY position ROWS UNBOUNDED PRECEDING)
), task AS MATERIALIZED (
    SELECT task_id AS id, is_new, project_id, agent_type, first, created_at, "timestamp" AS updated_at, position,
           after AS status, (last ->> 'runner_id')::uuid AS runner_id, attempt,
           CASE WHEN event_type = 'task_failed' THEN last ->> 'reason'
                WHEN last ->> 'action' = 'rejected' THEN last ->> 'response' END AS reason
      FROM step WHERE last IS NOT NULL
), new_task AS (
    INSERT INTO tasks (id, project_id, execution_id, step_id, agent_type, instructions, status, attempt, runner_id,
                       reason, created_at, updated_at, position)
    SELECT id, project_id, (first ->> 'execution_id')::uuid, first ->> 'step_id', agent_type,
           first ->> 'instructions', status, attempt, runner_id, reason, created_at, updated_at, position
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
                               created_at, updated_at, position, tenant)
    SELECT id, project_id, task_id, question, status, response, responded_by, created_at, updated_at, position,
           coalesce((SELECT tenants FROM begun) ->> project_id::text,
                    (SELECT p.tenant FROM projects p WHERE p.id = project_id))
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

), reset AS (
    SELECT named_id(e.id || met.tenant) AS id, e.project_id, e.agent_type, met.tenant, e."timestamp", e.position
      FROM event e CROSS JOIN LATERAL (
           SELECT tenant FROM agent_status s WHERE s.agent_type = e.agent_type
            UNION
           SELECT tenant FROM step s
            WHERE s.agent_type = e.agent_type AND s.position < e.position AND s.event_type <> 'task_created'
              AND tenant IS NOT NULL) met
     WHERE e.event_type = 'agent_reset' AND met.tenant = coalesce(e.payload ->> 'tenant', met.tenant)
), agent AS MATERIALIZED (
    SELECT *, CASE WHEN working > 0 THEN 'working' WHEN after IS NULL THEN 'idle' -- a reset: what waited is given up
                   WHEN waiting > 0 THEN 'waiting_for_hitl' WHEN is_fault THEN 'error' ELSE 'idle' END AS status
      FROM (SELECT id, project_id, task_id, agent_type, tenant, "timestamp", position, after, is_fault,
                   sum(working + CASE nth WHEN 1 THEN coalesce((
                       SELECT working FROM agent_status s WHERE s.agent_type = c.agent_type AND s.tenant = c.tenant), 0)
                       ELSE 0 END) OVER life AS working,
                   sum(waiting + CASE nth WHEN 1 THEN coalesce((
                       SELECT waiting FROM agent_status s WHERE s.agent_type = c.agent_type AND s.tenant = c.tenant), 0)
                       ELSE 0 END) OVER life AS waiting,
                   lead(position) OVER life IS NULL AS is_last
              FROM (SELECT *, row_number() OVER (PARTITION BY agent_type, tenant ORDER BY position) AS nth
                      FROM (SELECT id, project_id, task_id, agent_type, tenant, "timestamp", position, after, is_fault,
                                   (after = 'working')::int - (before IS NOT DISTINCT FROM 'working')::int AS working,
                                   (after = 'waiting_for_hitl')::int
                                   - (before IS NOT DISTINCT FROM 'waiting_for_hitl')::int AS waiting
                              FROM step WHERE event_type <> 'task_created' AND tenant IS NOT NULL
                             UNION ALL
                            SELECT id, project_id, NULL, agent_type, tenant, "timestamp", position, NULL, false, 0, 0
                              FROM reset) deed
                     WHERE position > (SELECT coalesce(max(position), 0) FROM agent_status)) c
            WINDOW life AS (PARTITION BY agent_type, tenant ORDER BY position ROWS UNBOUNDED PRECEDING)) counted
), history AS (
    INSERT INTO agent_status_history (id, agent_type, status, task_id, project_id, "timestamp", position, tenant,
                                      task_status, working, waiting)
    SELECT id, agent_type, status, task_id, project_id, "timestamp", position, tenant,
           after, working, waiting
      FROM agent
), agent_now AS (
    INSERT INTO agent_status (id, agent_type, status, last_activity, position, tenant, working, waiting)
    SELECT named_id(agent_type || ':' || tenant), agent_type, status, "timestamp", position, tenant, working, waiting
      FROM agent WHERE is_last
    ON CONFLICT (id) DO UPDATE
       SET status = excluded.status, last_activity = excluded.last_activity, position = excluded.position,
           working = excluded.working, waiting = excluded.waiting
     WHERE agent_status.position < excluded.position
)
INSERT INTO llm_status (id, provider, model, outcome, "timestamp", position)
SELECT named_id('llm'), payload ->> 'provider', payload ->> 'model', coalesce(payload ->> 'outcome', 'ok'), "timestamp",
       position
  FROM event_log WHERE position > low AND position <= high AND event_type = 'llm_call'
 ORDER BY position DESC LIMIT 1
ON CONFLICT (id) DO UPDATE
   SET provider = excluded.provider, model = excluded.model, outcome = excluded.outcome,
       "timestamp" = excluded."timestamp", position = excluded.position
 WHERE llm_status.position < excluded.position;
END $$;

DO $$
DECLARE
    head    bigint := (SELECT position FROM checkpoints WHERE name = 'projector');
    reached bigint := 0;
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;  -- or what is to be checked is kept in memory until the end
    WHILE reached < head LOOP
        PERFORM project_range(reached, least(reached + 10000, head));
        reached := reached + 10000;
    END LOOP;
END $$;
