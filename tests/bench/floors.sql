-- name: tables
CREATE TABLE bare (LIKE event_log, PRIMARY KEY (id), UNIQUE (position), UNIQUE (project_id, version));
CREATE TABLE bare_keyed (LIKE event_log, PRIMARY KEY (id));

-- name: bare
INSERT INTO bare (id, project_id, causation_id, correlation_id, "timestamp", position, version, schema_version,
                  event_type, actor, payload, hash)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::bigint[], $7::int[],
                     $8::int[], $9::text[], $10::text[], $11::jsonb[], $12::bytea[])

-- name: bare_keyed
INSERT INTO bare_keyed (id, project_id, causation_id, correlation_id, "timestamp", position, version, schema_version,
                        event_type, actor, payload, hash)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::bigint[], $7::int[],
                     $8::int[], $9::text[], $10::text[], $11::jsonb[], $12::bytea[])

-- name: bare_one
INSERT INTO bare (id, project_id, causation_id, correlation_id, "timestamp", position, version, schema_version,
                  event_type, actor, payload, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)

-- name: bare_notify
WITH written AS (
    INSERT INTO bare (id, project_id, causation_id, correlation_id, "timestamp", position, version, schema_version,
                      event_type, actor, payload, hash)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING position
)
SELECT pg_notify('bench', position::text) FROM written

-- name: copy
CREATE TABLE event_log_copy AS SELECT * FROM event_log

-- name: drop_copy
DROP TABLE event_log_copy

-- name: posts
CREATE TABLE posts (id uuid PRIMARY KEY, product_idea text NOT NULL, created_at timestamptz NOT NULL DEFAULT now())

-- name: post
INSERT INTO posts (id, product_idea) VALUES ($1, $2)
