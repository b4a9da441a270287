-- name: events_of_project
SELECT id, project_id, event_type, timestamp, payload, position, version, actor, causation_id, correlation_id,
       schema_version
  FROM event_log WHERE project_id = $1 AND version > $2 ORDER BY version LIMIT $3

-- name: find_project
-- By id, the beginning of one, or the whole name.
SELECT project_id, payload ->> 'name' AS name FROM event_log
 WHERE event_type = 'project_created' AND (starts_with(project_id::text, lower($1)) OR payload ->> 'name' = $1)
 ORDER BY position DESC LIMIT 5

-- name: newest_projects
SELECT project_id, payload ->> 'name' AS name FROM event_log
 WHERE event_type = 'project_created' ORDER BY position DESC LIMIT 3
