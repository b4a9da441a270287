-- name: project
-- The checkpoint first (compare-and-set), then the tables; no row where the log has not grown, or another moved it.
WITH turn AS (
    SELECT least(position, $1::bigint + $2::bigint) AS high FROM log_head WHERE position > $1
), moved AS (
    UPDATE checkpoints c SET position = turn.high, updated_at = now() FROM turn
     WHERE c.name = 'projector' AND c.position = $1
    RETURNING c.position
)
SELECT position, project_range($1, position) FROM moved

-- name: project_view
-- Of one tenant's projects or (null) of all, as in every statement here that takes a tenant. With its version: the
-- position of the newest event that it shows (an artifact comes with its task's), which means something in the log of
-- this epoch alone.
SELECT p.tenant, h.epoch, greatest(p.position, t.newest) AS version, json_build_object(
           'project_id', p.id, 'status', p.status, 'tasks', coalesce(t.list, '[]'),
           'artifacts', coalesce((
               SELECT json_agg(json_build_object(
                          'id', a.id, 'project_id', a.project_id, 'source_agent', a.source_agent,
                          'artifact_type', a.artifact_type, 'content', a.content, 'task_id', a.task_id,
                          'created_at', a.created_at)
                      ORDER BY a.created_at, a.id)
                 FROM context_artifacts a WHERE a.project_id = p.id), '[]'),
           'name', p.name, 'product_idea', p.product_idea, 'reason', p.reason, 'created_at', p.created_at,
           'updated_at', p.updated_at, 'paused', p.paused)::text AS body
  FROM projects p
 CROSS JOIN LATERAL (
     SELECT max(position) AS newest,
            json_agg(json_build_object(
                'id', id, 'project_id', project_id, 'agent_type', agent_type, 'instructions', instructions,
                'status', status, 'created_at', created_at, 'updated_at', updated_at, 'step_id', step_id,
                'attempt', attempt, 'reason', reason)
                ORDER BY created_at, id) AS list
       FROM tasks WHERE tasks.project_id = p.id) t
 CROSS JOIN log_head h
 WHERE p.id = $1 AND ($2::text IS NULL OR p.tenant = $2)

-- name: task_list
SELECT json_build_object(
           'tasks', coalesce(json_agg(json_build_object(
               'id', t.id, 'project_id', t.project_id, 'agent_type', t.agent_type, 'instructions', t.instructions,
               'status', t.status, 'created_at', t.created_at, 'updated_at', t.updated_at, 'step_id', t.step_id,
               'attempt', t.attempt, 'reason', t.reason)
               ORDER BY t.created_at, t.id) FILTER (WHERE t.id IS NOT NULL), '[]'))::text
  FROM projects p LEFT JOIN tasks t ON t.project_id = p.id
 WHERE p.id = $1 AND ($2::text IS NULL OR p.tenant = $2)
 GROUP BY p.id

-- name: event_page
-- One more than asked for tells whether there is a next page.
SELECT page.json
  FROM projects p
 CROSS JOIN LATERAL (
     SELECT json_build_object(
                'events', coalesce(json_agg(json_build_object(
                    'event_id', id, 'position', position, 'version', version, 'event_type', event_type,
                    'timestamp', "timestamp", 'actor', actor, 'causation_id', causation_id,
                    'correlation_id', correlation_id, 'payload', resolved(payload))
                    ORDER BY version) FILTER (WHERE n <= $4), '[]'),
                'next', CASE WHEN count(*) > $4 THEN max(position) FILTER (WHERE n = $4) END)::text AS json
       FROM (SELECT l.*, row_number() OVER (ORDER BY version) AS n
               FROM event_log l
              WHERE project_id = p.id AND position > $2 AND ($3::text[] IS NULL OR event_type = ANY ($3))
              ORDER BY version LIMIT $4::int + 1) events) page
 WHERE p.id = $1 AND ($5::text IS NULL OR p.tenant = $5)

-- name: completion_view
-- A step counts once, and is done when its newest task is.
SELECT json_build_object(
           'project_id', p.id,
           'completion_percentage',
           CASE WHEN p.status = 'completed' THEN 100.0
                WHEN planned.steps = 0 THEN 0.0
                ELSE round(least(100.0 * done.steps / planned.steps, 100.0), 1) END,
           'total_tasks', planned.steps, 'completed_tasks', done.steps, 'artifacts_available', p.bundle IS NOT NULL
       )::text
  FROM projects p
 CROSS JOIN LATERAL (
     SELECT coalesce(sum(total_steps), 0) AS steps FROM workflow_executions e WHERE e.project_id = p.id) planned
 CROSS JOIN LATERAL (
     SELECT count(*) FILTER (WHERE newest.status = 'completed') AS steps
       FROM (SELECT DISTINCT ON (execution_id, step_id) t.status
               FROM tasks t WHERE t.project_id = p.id
              ORDER BY execution_id, step_id, created_at DESC, position DESC) newest) done
 WHERE p.id = $1 AND ($2::text IS NULL OR p.tenant = $2)

-- name: project_of_request
SELECT project_id FROM hitl_requests WHERE id = $1 AND ($2::text IS NULL OR tenant = $2)

-- name: responded_by
-- Asked of the log: the owner knows of the answer before the tables show it.
SELECT actor FROM event_log
 WHERE project_id = $1 AND event_type = 'hitl_response' AND payload ->> 'request_id' = $2::uuid::text
 ORDER BY version DESC LIMIT 1

-- name: hitl_view
SELECT json_build_object(
           'request_id', r.id, 'question', r.request_content, 'status', r.status, 'project_id', r.project_id,
           'task_id', r.task_id, 'response_content', r.response_content, 'responded_by', r.responded_by,
           'created_at', r.created_at, 'updated_at', r.updated_at)::text
  FROM hitl_requests r WHERE r.id = $1 AND ($2::text IS NULL OR r.tenant = $2)

-- name: hitl_list
SELECT json_build_object(
           'requests', coalesce(json_agg(json_build_object(
               'request_id', r.id, 'question', r.request_content, 'status', r.status, 'project_id', r.project_id,
               'task_id', r.task_id, 'response_content', r.response_content, 'responded_by', r.responded_by,
               'created_at', r.created_at, 'updated_at', r.updated_at)
               ORDER BY r.created_at, r.id) FILTER (WHERE r.id IS NOT NULL), '[]'),
           'pending_count', count(*) FILTER (WHERE r.status = 'pending'))::text
  FROM projects p LEFT JOIN hitl_requests r ON r.project_id = p.id
 WHERE p.id = $1 AND ($2::text IS NULL OR p.tenant = $2)
 GROUP BY p.id

-- name: bundle_summary
SELECT json_build_object(
           'artifacts', coalesce((
               SELECT json_agg(json_build_object('name', f ->> 'name', 'type', f ->> 'type', 'size', f -> 'size')
                      ORDER BY n)
                 FROM jsonb_array_elements(p.bundle -> 'files') WITH ORDINALITY AS files (f, n)), '[]'))::text
  FROM projects p WHERE p.id = $1 AND ($2::text IS NULL OR p.tenant = $2)

-- name: bundle
SELECT name, bundle ->> 'sha256' AS sha256, (bundle ->> 'size')::bigint AS size FROM projects
 WHERE id = $1 AND ($2::text IS NULL OR tenant = $2)

-- name: diagram
SELECT (SELECT content ->> 'diagram' FROM context_artifacts
         WHERE project_id = p.id AND handoff_type = 'implementation_plan'
         ORDER BY position DESC LIMIT 1)
  FROM projects p WHERE p.id = $1 AND ($2::text IS NULL OR p.tenant = $2)

-- name: writable
-- A transaction id is given to whoever may write: a standby refuses, a read-only session answers false.
SELECT pg_current_xact_id() IS NOT NULL AND current_setting('transaction_read_only') = 'off'

-- name: llm_status
-- The embedded model cannot fail; of any other the last call tells.
SELECT CASE WHEN provider = 'embedded' OR outcome = 'ok' THEN 'ok' ELSE 'degraded' END
  FROM llm_status ORDER BY position DESC LIMIT 1

-- name: claim_key
-- What stands under a key: this request's claim, or an earlier one's; no row where one is being made.
WITH claimed AS (
    INSERT INTO inbox (id, consumer, message_id, request_hash, position, version, settled_at, reply)
    VALUES (inbox_key('gateway', $1), 'gateway', $1, $2, 0, 0, now(), to_jsonb($3::text))
    ON CONFLICT (id) DO NOTHING
    RETURNING request_hash, reply
)
SELECT request_hash, reply #>> '{}' AS answer FROM claimed
 UNION ALL
SELECT request_hash, reply #>> '{}' FROM inbox WHERE id = inbox_key('gateway', $1)

-- name: project_versions
-- The version of project_view, of many projects.
SELECT p.id, h.epoch, greatest(p.position, (SELECT max(t.position) FROM tasks t WHERE t.project_id = p.id)) AS version
  FROM projects p CROSS JOIN log_head h WHERE p.id = ANY ($1::uuid[])
