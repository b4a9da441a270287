-- name: append
SELECT outcome, position, version, timestamp, reply, request_hash
  FROM append_batch($1, $2, $3, $4, $5, $6, $7, $8::jsonb[], $9, $10, $11, $12, $13::jsonb[], $14, $15, $16, $17)

-- name: keep_blobs
INSERT INTO log_blobs (sha256, content) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING

-- name: blobs
SELECT sha256, content FROM log_blobs WHERE sha256 = ANY ($1::text[])

-- name: named_blobs
SELECT DISTINCT reference ->> 'sha256'
  FROM event_log l CROSS JOIN LATERAL jsonb_array_elements(l.payload -> '$blobs') AS reference
 WHERE l.position > $1 AND l.position <= $2 AND l.payload ? '$blobs'
 ORDER BY 1

-- name: load
-- Lateral and ordered, so that it is a look-up a stream also where the log was never analysed.
SELECT l.id, l.project_id, l.event_type, l.schema_version, l.timestamp, l.payload, l.position, l.version, l.actor,
       l.causation_id, l.correlation_id
  FROM unnest($1::uuid[], $2::int[]) AS s (project_id, after)
 CROSS JOIN LATERAL (SELECT * FROM event_log e WHERE e.project_id = s.project_id AND e.version > s.after
                      ORDER BY e.version) l
 ORDER BY l.project_id, l.version

-- name: load_until
SELECT id, project_id, event_type, schema_version, timestamp, payload, position, version, actor, causation_id,
       correlation_id
  FROM event_log
 WHERE project_id = $1 AND position <= $2 AND timestamp <= $3
   AND ($4::text IS NULL
        OR (SELECT payload ->> 'tenant' FROM event_log
             WHERE project_id = $1 AND version = 1 AND event_type = 'project_created') = $4)
 ORDER BY version

-- name: read
SELECT id, project_id, event_type, schema_version, timestamp, payload, position, version, actor, causation_id,
       correlation_id
  FROM event_log WHERE position > $1 ORDER BY position LIMIT $2

-- name: read_stream
SELECT id, project_id, event_type, schema_version, timestamp, payload, position, version, actor, causation_id,
       correlation_id
  FROM event_log WHERE project_id = $1 AND position > $2 AND position <= $3 ORDER BY version LIMIT $4

-- name: unsettled
-- What routed events, at or below a position, no consumer of theirs has settled. (LIMIT keeps the inbox a look-up:
-- a join would read all of it.)
SELECT l.id, l.project_id, l.event_type, l.schema_version, l.timestamp, l.payload, l.position, l.version, l.actor,
       l.causation_id, l.correlation_id
  FROM unnest($1::text[], $2::text[]) AS r (event_type, consumer)
 CROSS JOIN LATERAL (
       SELECT * FROM event_log e
        WHERE e.event_type = r.event_type
          AND e.event_type IN ('task_created', 'task_dispatched', 'task_complete', 'task_failed', 'hitl_response',
                               'project_completed')  -- the predicate of the index
          AND e.position > $3 AND e.position <= $4
          AND (SELECT true FROM inbox i WHERE i.id = inbox_key(r.consumer, e.id) LIMIT 1) IS NULL
        ORDER BY e.position LIMIT $5) l
 ORDER BY l.position LIMIT $5

-- name: definition
SELECT resolved(payload) -> 'definition' FROM event_log
 WHERE project_id = $1 AND event_type = 'definition_registered' AND payload ->> 'hash' = $2
 ORDER BY version LIMIT 1

-- name: head
SELECT position FROM log_head

-- name: head_and_epoch
SELECT position, epoch FROM log_head

-- name: checkpoint
SELECT position FROM checkpoints WHERE name = $1

-- name: start_checkpoint
INSERT INTO checkpoints (name, position) VALUES ($1, 0) ON CONFLICT (name) DO NOTHING

-- name: move_checkpoint
UPDATE checkpoints SET position = $3, updated_at = now() WHERE name = $1 AND position = $2 RETURNING position

-- name: beat
INSERT INTO runners (id) VALUES ($1)
ON CONFLICT (id) DO UPDATE SET counter = runners.counter + 1, beat_at = now()

-- name: retire
DELETE FROM runners WHERE id = $1

-- name: beats
SELECT id, counter FROM runners

-- name: forget_runners
DELETE FROM runners

-- name: forget_runner
DELETE FROM runners WHERE id = $1 AND counter = $2

-- name: runners_alive
SELECT count(*) FROM runners WHERE beat_at > now() - interval '5 seconds'

-- name: orphans
-- Working tasks whose runner has no heartbeat row, those after a position.
SELECT t.id AS task_id, t.project_id, t.attempt, t.runner_id, t.position
  FROM tasks t
 WHERE t.status = 'working' AND NOT EXISTS (SELECT FROM runners r WHERE r.id = t.runner_id) AND t.position > $1
 ORDER BY t.position LIMIT $2

-- name: held_by
-- The tasks that an agent works on, in the projects of one tenant or of all.
SELECT t.id AS task_id, t.project_id, t.attempt, t.runner_id
  FROM tasks t JOIN projects p ON p.id = t.project_id
 WHERE t.agent_type = $1 AND t.status = 'working' AND ($2::text IS NULL OR p.tenant = $2)
 ORDER BY t.position

-- name: ended_elsewhere
-- Those of some attempts at work that somebody else has ended or replaced. What the tables do not show yet goes on.
SELECT a.task_id, a.attempt
  FROM unnest($1::uuid[], $2::int[]) AS a (task_id, attempt) JOIN tasks t ON t.id = a.task_id
 WHERE t.attempt > a.attempt OR t.attempt = a.attempt AND t.status NOT IN ('pending', 'working')

-- name: is_settled
SELECT EXISTS (SELECT FROM inbox WHERE id = inbox_key($1, $2))

-- name: prune_inbox
-- What was settled so long ago that nobody asks again; some at a time, so that no append waits for it.
DELETE FROM inbox WHERE id IN (SELECT id FROM inbox WHERE settled_at < now() - $1::interval LIMIT $2)

-- name: due_timers
SELECT t.id, t.project_id FROM timers t JOIN projects p ON p.id = t.project_id
 WHERE t.status = 'waiting' AND t.due_at <= now() AND p.status = 'active'
 ORDER BY t.due_at LIMIT $1
