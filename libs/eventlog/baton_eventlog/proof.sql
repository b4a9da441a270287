-- name: bounds
SELECT h.position, h.hash, h.epoch, (SELECT count(*) FROM log_head) AS heads,
       (SELECT min(position) FROM event_log) AS first, (SELECT max(position) FROM event_log) AS last
  FROM log_head h LIMIT 1

-- name: hash_at
SELECT hash FROM event_log WHERE position = $1

-- name: check_range
-- The chain over (low, high] after a hash: how many rows there are, the first position that is missing, the first
-- whose hash does not follow, and the last hash.
SELECT count(*) AS rows,
       min(expected) FILTER (WHERE position <> expected) AS missing,
       min(position) FILTER (WHERE hash <> sha256(before || convert_to(
           log_body(position, version, id, project_id, event_type, "timestamp", actor, causation_id, correlation_id,
                    schema_version, payload), 'UTF8'))) AS altered,
       (SELECT hash FROM event_log WHERE position = $2) AS hash
  FROM (SELECT *, $1::bigint + row_number() OVER chain AS expected, lag(hash, 1, $3::bytea) OVER chain AS before
          FROM event_log WHERE position > $1 AND position <= $2
        WINDOW chain AS (ORDER BY position)) l

-- name: broken_blob
SELECT position, sha256, problem FROM broken_blobs($1, $2) LIMIT 1

-- name: origin
-- Where the row at a position was written, if that was at another one close by. The hash before it may have been
-- moved too when the two are neighbours.
SELECT there.position
  FROM event_log moved
  JOIN (SELECT position, hash, lag(hash) OVER (ORDER BY position) AS before
          FROM event_log WHERE position BETWEEN $1::bigint - $2::bigint - 1 AND $1::bigint + $2::bigint) there ON there.position <> moved.position
 WHERE moved.position = $1::bigint
   AND moved.hash IN (
           sha256(coalesce(there.before, '\x00') || convert_to(
               log_body(there.position, version, id, project_id, event_type, "timestamp", actor, causation_id,
                        correlation_id, schema_version, payload), 'UTF8')),
           sha256(there.hash || convert_to(
               log_body(there.position, version, id, project_id, event_type, "timestamp", actor, causation_id,
                        correlation_id, schema_version, payload), 'UTF8')))
 ORDER BY abs(there.position - $1::bigint) LIMIT 1

-- name: seals
-- Seals from one on, each with the hash that it covers and the digest before it.
SELECT s.low, s.high, s.digest, l.hash, (SELECT digest FROM log_seals WHERE high = s.low) AS previous
  FROM log_seals s LEFT JOIN event_log l ON l.position = s.high
 WHERE s.low >= $1 ORDER BY s.low LIMIT $2

-- name: seal_over
-- Where the seal over a position begins.
SELECT low FROM log_seals WHERE low < $1 AND high >= $1 ORDER BY low DESC LIMIT 1

-- name: seal_after
-- Where the first seal begins that lies behind a position.
SELECT low FROM log_seals WHERE low >= $1 ORDER BY low LIMIT 1

-- name: last_seal
SELECT s.low, s.high, s.digest, l.hash, (SELECT digest FROM log_seals WHERE high = s.low) AS previous
  FROM log_seals s LEFT JOIN event_log l ON l.position = s.high
 ORDER BY s.low DESC LIMIT 1

-- name: to_seal
-- What the next seal covers, and the hash under the one before as it is now.
SELECT position, hash, (SELECT hash FROM event_log WHERE position = $1) AS anchor
  FROM event_log WHERE position > $1 AND position <= $1 + $2::bigint ORDER BY position DESC LIMIT 1

-- name: add_seal
INSERT INTO log_seals (low, high, digest) VALUES ($1, $2, $3) ON CONFLICT (low) DO NOTHING RETURNING low
