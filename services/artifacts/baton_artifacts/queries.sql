-- name: settled
SELECT EXISTS (SELECT FROM inbox WHERE id = inbox_key($1, $2))

-- name: now
SELECT now()

-- name: old_bundles
-- Projects whose standing bundle is older, a page by id: where one stays in the list, the next page still comes.
SELECT id FROM projects WHERE bundled_at < $1 AND id > $2 ORDER BY id LIMIT $3

-- name: cleaned
-- What a command has cleaned since a position: from the log, so that a repeat counts what its first try did.
SELECT coalesce(sum(jsonb_array_length(resolved(payload) -> 'sha256s')), 0)::bigint AS files,
       coalesce(sum((payload ->> 'freed_bytes')::bigint), 0)::bigint AS bytes
  FROM event_log WHERE position > $1 AND event_type = 'artifacts_cleaned' AND causation_id = $2
