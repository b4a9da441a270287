-- name: template
CREATE TABLE template (step int PRIMARY KEY, event_type text NOT NULL, actor text NOT NULL, payload text NOT NULL)

-- name: step
INSERT INTO template VALUES ($1, $2, $3, $4)

-- name: fill
-- The story of 100 projects a group, told side by side: one step of each, then the next of each. $1, $2: the groups
-- (from, below); $3: the block of the template. Ids of events grow with their positions, as UUIDs of version 7 do.
INSERT INTO event_log (id, project_id, causation_id, correlation_id, "timestamp", position, version, schema_version,
                       event_type, actor, payload, hash)
SELECT (substr(place, 1, 8) || '-' || substr(place, 9) || '-7000-8000-' || substr(md5(place), 1, 12))::uuid,
       project, gen_random_uuid(), project, timestamptz '2026-01-01 00:00Z' + position * interval '1 millisecond',
       position, step, 1, event_type, actor,
       replace(payload, substr($3, 1, 8) || '-' || substr($3, 9), substr(block, 1, 8) || '-' || substr(block, 9))::jsonb,
       sha256(place::bytea)
  FROM (SELECT t.*, block, (substr(block, 1, 8) || '-' || substr(block, 9) || '-4000-8000-000000000000')::uuid AS project,
               position, lpad(to_hex(position), 12, '0') AS place
          FROM generate_series($1::int, $2::int - 1) AS g (number)
         CROSS JOIN generate_series(0, 99) AS p (nth)
         CROSS JOIN template t
         CROSS JOIN LATERAL (SELECT substr(md5('filled:' || g.number * 100 + p.nth), 1, 12) AS block,
                                    (g.number * (SELECT count(*) FROM template) + t.step - 1) * 100 + p.nth + 1
                                    AS position) AS derived
         ORDER BY position) AS told

-- name: settle
-- Every second event came of a message, and the inbox knows it.
INSERT INTO inbox (id, consumer, message_id, request_hash, position, version, settled_at, reply)
SELECT inbox_key('orchestrator', causation_id), 'orchestrator', causation_id, repeat('0', 64), position, version,
       "timestamp", '{"result": null, "problem": null}'
  FROM event_log WHERE position % 2 = 0

-- name: close
UPDATE log_head SET position = l.position, "timestamp" = l."timestamp", hash = l.hash
  FROM event_log l WHERE l.position = (SELECT max(position) FROM event_log)

-- name: show
-- A rebuild goes as far as the tables that serve say that they are.
UPDATE checkpoints SET position = (SELECT position FROM log_head) WHERE name = 'projector'

-- name: projects
SELECT project_id, max(version) AS version FROM event_log WHERE position > (SELECT max(position) FROM event_log) - 100000
 GROUP BY project_id ORDER BY project_id LIMIT $1
