-- Agents, each in one tenant or (null) over all: then working where it works in any, else waiting for a person, else in
-- error, else idle. An agent's newest task is looked up: of now among the tasks, of any moment before in the history,
-- where the walk back ends at the first task that had nothing follow yet.

-- name: agent_list
SELECT json_build_object(
           'agents', coalesce(json_agg(json_build_object(
               'agent_type', a.agent_type, 'status', coalesce(s.status, 'idle'),
               'current_task_id', CASE WHEN s.status IN ('working', 'waiting_for_hitl') THEN (
                   SELECT t.id FROM tasks t
                    WHERE t.agent_type = a.agent_type AND t.status = s.status::task_status
                      AND t.status IN ('working', 'waiting_for_hitl')  -- the predicate of the index
                      AND ($2::text IS NULL
                           OR (SELECT p.tenant FROM projects p WHERE p.id = t.project_id LIMIT 1) = $2)
                    ORDER BY t.position DESC LIMIT 1) END,
               'last_activity', s.last_activity) ORDER BY a.n), '[]'))::text
  FROM unnest($1::text[]) WITH ORDINALITY AS a (agent_type, n)
  LEFT JOIN LATERAL (
      SELECT o.status, max(o.last_activity) OVER () AS last_activity
        FROM tenants_shown($2) AS shown (tenant)
        JOIN agent_status o ON o.agent_type = a.agent_type AND o.tenant = shown.tenant
       ORDER BY array_position(ARRAY['working', 'waiting_for_hitl', 'error', 'idle'], o.status) LIMIT 1) s ON true

-- name: agent_view
SELECT json_build_object(
           'agent_type', a.agent_type, 'status', coalesce(s.status, 'idle'),
           'current_task_id', CASE WHEN s.status IN ('working', 'waiting_for_hitl') THEN (
               SELECT t.id FROM tasks t
                WHERE t.agent_type = a.agent_type AND t.status = s.status::task_status
                  AND t.status IN ('working', 'waiting_for_hitl')
                  AND ($2::text IS NULL OR (SELECT p.tenant FROM projects p WHERE p.id = t.project_id LIMIT 1) = $2)
                ORDER BY t.position DESC LIMIT 1) END,
           'last_activity', s.last_activity)::text
  FROM (SELECT $1::text AS agent_type) a
  LEFT JOIN LATERAL (
      SELECT o.status, max(o.last_activity) OVER () AS last_activity
        FROM tenants_shown($2) AS shown (tenant)
        JOIN agent_status o ON o.agent_type = a.agent_type AND o.tenant = shown.tenant
       ORDER BY array_position(ARRAY['working', 'waiting_for_hitl', 'error', 'idle'], o.status) LIMIT 1) s ON true

-- name: agent_list_as_of
SELECT json_build_object(
           'agents', coalesce(json_agg(json_build_object(
               'agent_type', a.agent_type, 'status', coalesce(s.status, 'idle'), 'current_task_id', s.task_id,
               'last_activity', s.last_activity) ORDER BY a.n), '[]'))::text
  FROM unnest($1::text[]) WITH ORDINALITY AS a (agent_type, n)
  LEFT JOIN LATERAL (
      SELECT o.status, current.task_id, max(o.timestamp) OVER () AS last_activity
        FROM tenants_shown($2) AS shown (tenant)
       CROSS JOIN LATERAL (
           SELECT * FROM agent_status_history h
            WHERE h.agent_type = a.agent_type AND h.tenant = shown.tenant AND h.position <= $3 AND h.timestamp <= $4
            ORDER BY h.position DESC LIMIT 1) o
        LEFT JOIN LATERAL (
           SELECT w.task_id, w.position FROM agent_status_history w
            WHERE o.status IN ('working', 'waiting_for_hitl')
              AND w.agent_type = o.agent_type AND w.tenant = o.tenant AND w.position <= o.position
              AND w.task_status = o.status::task_status
              AND (SELECT true FROM agent_status_history l
                    WHERE l.task_id = w.task_id AND l.task_status <> 'working'
                      AND l.position > w.position AND l.position <= o.position LIMIT 1) IS NULL
            ORDER BY w.position DESC LIMIT 1) current ON true
       ORDER BY array_position(ARRAY['working', 'waiting_for_hitl', 'error', 'idle'], o.status),
                current.position DESC NULLS LAST
       LIMIT 1) s ON true

-- name: agent_history
-- A reset of all tenants is an entry for each of them, all at its position.
SELECT json_build_object(
           'history', coalesce(json_agg(json_build_object(
               'status', status, 'timestamp', "timestamp", 'task_id', task_id, 'position', position)
               ORDER BY position DESC, id), '[]'))::text
  FROM (SELECT page.* FROM tenants_shown($2) AS shown (tenant)
         CROSS JOIN LATERAL (
             SELECT * FROM agent_status_history h WHERE h.agent_type = $1 AND h.tenant = shown.tenant
              ORDER BY h.position DESC LIMIT $3) page
         ORDER BY position DESC, id LIMIT $3) newest

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
