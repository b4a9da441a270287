-- name: export_range
SELECT json_build_object(
           'position', position, 'version', version, 'id', id, 'project_id', project_id, 'event_type', event_type,
           'timestamp', "timestamp", 'actor', actor, 'causation_id', causation_id, 'correlation_id', correlation_id,
           'schema_version', schema_version, 'payload', payload, 'hash', encode(hash, 'hex'))::text AS line
  FROM event_log WHERE position > $1 AND position <= $2 ORDER BY position

-- name: export_blob
-- The next blob. One that does not fit its digest is named by no event, or the export would not have got here.
SELECT sha256, json_build_object('sha256', sha256, 'content', content)::text AS line
  FROM log_blobs WHERE sha256 > $1 AND sha256 = encode(sha256(convert_to(content, 'UTF8')), 'hex')
 ORDER BY sha256 LIMIT 1

-- name: lock_empty_log
-- True where nothing was ever appended. The head stays locked until the import ends.
WITH head AS (SELECT position FROM log_head FOR UPDATE)
SELECT bool_and(position = 0) AND NOT EXISTS (SELECT FROM event_log) AND NOT EXISTS (SELECT FROM log_seals) FROM head

-- name: import_lines
INSERT INTO event_log (id, project_id, causation_id, correlation_id, "timestamp", position, version, schema_version,
                       event_type, actor, payload, hash)
SELECT r.id, r.project_id, r.causation_id, r.correlation_id, r."timestamp", r.position, r.version, r.schema_version,
       r.event_type, r.actor, r.payload, decode(r.hash, 'hex')
  FROM unnest($1::text[]) AS l (line)
 CROSS JOIN LATERAL jsonb_to_record(l.line::jsonb) AS r (
           position bigint, version int, id uuid, project_id uuid, event_type text, "timestamp" timestamptz,
           actor text, causation_id uuid, correlation_id uuid, schema_version int, payload jsonb, hash text)

-- name: set_head
-- A restored log has a new epoch: what clients remember of the old one does not count here.
UPDATE log_head h
   SET position = l.position, hash = l.hash, "timestamp" = l."timestamp", epoch = gen_random_uuid()
  FROM event_log l WHERE l.position = $1

-- name: project
SELECT project_range($1, $2)

-- name: projected
UPDATE checkpoints SET position = $1, updated_at = now() WHERE name = 'projector'
