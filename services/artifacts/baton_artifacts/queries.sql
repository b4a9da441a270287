-- name: now
SELECT now()

-- name: old_bundles
-- Projects, of one tenant or of all, that may have a bundle as old as that: which bundles are, their streams tell.
-- A page by id: where one stays in the list, the next page still comes.
SELECT id FROM projects
 WHERE bundle IS NOT NULL AND created_at < $1 AND ($2::text IS NULL OR tenant = $2) AND id > $3
 ORDER BY id LIMIT $4

-- name: cleaned
-- What a command has cleaned since a position: from the log, so that a repeat counts what its first try did.
SELECT coalesce(sum(jsonb_array_length(resolved(payload) -> 'sha256s')), 0)::bigint AS files,
       coalesce(sum((payload ->> 'freed_bytes')::bigint), 0)::bigint AS bytes
  FROM event_log WHERE position > $1 AND event_type = 'artifacts_cleaned' AND causation_id = $2
