-- Executions: how far one is, and how long the steps of a workflow have lasted.

-- name: execution_view
-- An execution that was completed by force stays so when its project is opened again: the log says it.
SELECT json_build_object(
           'execution_id', e.id, 'status', s.status, 'current_step', coalesce(steps.current, ''),
           'progress', CASE WHEN s.status = 'completed' THEN 100
                            ELSE least(100 * steps.done / greatest(e.total_steps, 1), 100) END,
           'results', steps.results, 'workflow_id', e.workflow_id, 'project_id', e.project_id, 'paused', p.paused,
           'started_at', e.started_at)::text
  FROM workflow_executions e
  JOIN projects p ON p.id = e.project_id
 CROSS JOIN LATERAL (
     SELECT count(*) FILTER (WHERE newest.status = 'completed') AS done, bool_or(newest.begun) AS begun,
            (array_agg(newest.step_id ORDER BY newest.created_at DESC, newest.position DESC))[1] AS current,
            coalesce(json_object_agg(newest.step_id, json_build_object(
                'task_id', newest.id, 'artifact_id', a.id, 'artifact_type', a.artifact_type,
                'handoff_type', a.handoff_type, 'completed_at', newest.updated_at)
                ORDER BY newest.created_at, newest.position)
                FILTER (WHERE newest.status = 'completed'), '{}') AS results
       FROM (SELECT DISTINCT ON (t.step_id) t.*, bool_or(t.status <> 'pending' OR t.attempt > 1)
                                                     OVER (PARTITION BY t.step_id) AS begun
               FROM tasks t WHERE t.project_id = e.project_id AND t.execution_id = e.id
              ORDER BY t.step_id, t.created_at DESC, t.position DESC) newest
       LEFT JOIN context_artifacts a ON a.task_id = newest.id) steps
 CROSS JOIN LATERAL (
     SELECT CASE WHEN p.status = 'completed' OR steps.done >= e.total_steps THEN 'completed'
                 WHEN EXISTS (SELECT FROM event_log l
                               WHERE l.project_id = e.project_id AND l.event_type = 'project_completed'
                                 AND l."timestamp" >= e.started_at AND (l.payload ->> 'forced')::bool) THEN 'completed'
                 WHEN p.status = 'failed' THEN 'failed'
                 WHEN steps.begun THEN 'running'
                 ELSE 'started' END AS status) s
 WHERE e.id = $1 AND e.workflow_id = $2 AND ($3::text IS NULL OR p.tenant = $3)

-- name: estimated_duration
-- As of a position, so that it stays what it was when it is asked for again; of one tenant's executions or of all.
WITH recent AS (
    SELECT e.id, e.project_id
      FROM workflow_executions e JOIN projects p ON p.id = e.project_id
     WHERE e.workflow_id = $1 AND ($2::text IS NULL OR p.tenant = $2)
       AND e.started_at <= (SELECT "timestamp" FROM event_log WHERE position = $3)
     ORDER BY e.started_at DESC, e.id LIMIT 100
), lasted AS (
    SELECT t.step_id, avg(extract(epoch FROM t.updated_at - t.created_at)) AS seconds
      FROM recent r JOIN tasks t ON t.project_id = r.project_id AND t.execution_id = r.id
     WHERE t.status = 'completed' AND t.position <= $3
     GROUP BY t.step_id
)
SELECT greatest(round(sum(coalesce(l.seconds, $5::int))), 1)::bigint
  FROM unnest($4::text[]) AS s (step_id) LEFT JOIN lasted l USING (step_id)
