-- Agents, each in the tenant that asks. An agent's newest task is looked up: of now among the tasks, of any moment
-- before in the history, where the walk back ends at the first task that had nothing follow yet.

-- name: agent_list
SELECT json_build_object(
           'agents', coalesce(json_agg(json_build_object(
               'agent_type', a.agent_type, 'status', coalesce(s.status, 'idle'),
               'current_task_id', CASE WHEN s.status IN ('working', 'waiting_for_hitl') THEN (
                   SELECT t.id FROM tasks t
                    WHERE t.agent_type = s.agent_type AND t.status = s.status::task_status
                      AND t.status IN ('working', 'waiting_for_hitl')  -- the predicate of the index
                      AND (SELECT p.tenant FROM projects p WHERE p.id = t.project_id LIMIT 1) = s.tenant
                    ORDER BY t.position DESC LIMIT 1) END,
               'last_activity', s.last_activity) ORDER BY a.n), '[]'))::text
  FROM unnest($1::text[]) WITH ORDINALITY AS a (agent_type, n)
  LEFT JOIN agent_status s ON s.agent_type = a.agent_type AND s.tenant = $2

-- name: agent_view
SELECT json_build_object(
           'agent_type', a.agent_type, 'status', coalesce(s.status, 'idle'),
           'current_task_id', CASE WHEN s.status IN ('working', 'waiting_for_hitl') THEN (
               SELECT t.id FROM tasks t
                WHERE t.agent_type = s.agent_type AND t.status = s.status::task_status
                  AND t.status IN ('working', 'waiting_for_hitl')
                  AND (SELECT p.tenant FROM projects p WHERE p.id = t.project_id LIMIT 1) = s.tenant
                ORDER BY t.position DESC LIMIT 1) END,
           'last_activity', s.last_activity)::text
  FROM (SELECT $1::text AS agent_type) a LEFT JOIN agent_status s ON s.agent_type = a.agent_type AND s.tenant = $2

-- name: agent_list_as_of
SELECT json_build_object(
           'agents', coalesce(json_agg(json_build_object(
               'agent_type', a.agent_type, 'status', coalesce(s.status, 'idle'),
               'current_task_id', CASE WHEN s.status IN ('working', 'waiting_for_hitl') THEN (
                   SELECT w.task_id FROM agent_status_history w
                    WHERE w.agent_type = s.agent_type AND w.tenant = s.tenant AND w.position <= s.position
                      AND w.task_status = s.status::task_status
                      AND (SELECT true FROM agent_status_history l
                            WHERE l.task_id = w.task_id AND l.task_status <> 'working'
                              AND l.position > w.position AND l.position <= s.position LIMIT 1) IS NULL
                    ORDER BY w.position DESC LIMIT 1) END,
               'last_activity', s.timestamp) ORDER BY a.n), '[]'))::text
  FROM unnest($1::text[]) WITH ORDINALITY AS a (agent_type, n)
  LEFT JOIN LATERAL (
      SELECT * FROM agent_status_history h
       WHERE h.agent_type = a.agent_type AND h.tenant = $2 AND h.position <= $3 AND h.timestamp <= $4
       ORDER BY h.position DESC LIMIT 1) s ON true

-- name: agent_history
SELECT json_build_object(
           'history', coalesce(json_agg(json_build_object(
               'status', status, 'timestamp', "timestamp", 'task_id', task_id, 'position', position)
               ORDER BY position DESC), '[]'))::text
  FROM (SELECT * FROM agent_status_history WHERE agent_type = $1 AND tenant = $2 ORDER BY position DESC LIMIT $3) newest

-- name: standings_of_events
-- What the agent of each of these events did after it. (LIMIT keeps every step a look-up.) The history holds a reset
-- under an id for each tenant.
SELECT h.id, h.status,
       CASE WHEN h.status IN ('working', 'waiting_for_hitl') THEN (
           SELECT w.task_id FROM agent_status_history w
            WHERE w.agent_type = h.agent_type AND w.tenant = h.tenant AND w.position <= h.position
              AND w.task_status = h.status::task_status
              AND (SELECT true FROM agent_status_history o
                    WHERE o.task_id = w.task_id AND o.task_status <> 'working'
                      AND o.position > w.position AND o.position <= h.position LIMIT 1) IS NULL
            ORDER BY w.position DESC LIMIT 1) END AS current_task_id
  FROM unnest($1::uuid[]) AS e (id)
 CROSS JOIN LATERAL (SELECT * FROM agent_status_history r WHERE r.id = e.id LIMIT 1) h
