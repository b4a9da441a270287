-- Pages of lists: what comes after a key (null: from the beginning) and an id, one more than is shown, so that the
-- caller knows whether there is a next. The bounds are never optional, so that every plan begins at them, in an index
-- that begins with the tenant: nobody walks through what is another's.

-- name: of_all_tenants
-- For whoever is of all tenants (null): the first of all their pages, each of which begins at its own in the index.
SELECT page.* FROM tenants_shown($1) AS shown (tenant) CROSS JOIN LATERAL ({page}) page ORDER BY {order} LIMIT {limit}

-- name: projects_by_created_at
SELECT id AS project_id, name, status, paused, reason, created_at, updated_at FROM projects
 WHERE tenant = $1 AND ($2::project_status[] IS NULL OR status = ANY ($2)) AND ($3::bool IS NULL OR paused = $3)
   AND (created_at, id) > (coalesce($4::timestamptz, '-infinity'), $5::uuid)
 ORDER BY created_at, id LIMIT $6

-- name: projects_by_created_at_descending
SELECT id AS project_id, name, status, paused, reason, created_at, updated_at FROM projects
 WHERE tenant = $1 AND ($2::project_status[] IS NULL OR status = ANY ($2)) AND ($3::bool IS NULL OR paused = $3)
   AND (created_at, id) < (coalesce($4::timestamptz, 'infinity'), $5::uuid)
 ORDER BY created_at DESC, id DESC LIMIT $6

-- name: projects_by_updated_at
SELECT id AS project_id, name, status, paused, reason, created_at, updated_at FROM projects
 WHERE tenant = $1 AND ($2::project_status[] IS NULL OR status = ANY ($2)) AND ($3::bool IS NULL OR paused = $3)
   AND (updated_at, id) > (coalesce($4::timestamptz, '-infinity'), $5::uuid)
 ORDER BY updated_at, id LIMIT $6

-- name: projects_by_updated_at_descending
SELECT id AS project_id, name, status, paused, reason, created_at, updated_at FROM projects
 WHERE tenant = $1 AND ($2::project_status[] IS NULL OR status = ANY ($2)) AND ($3::bool IS NULL OR paused = $3)
   AND (updated_at, id) < (coalesce($4::timestamptz, 'infinity'), $5::uuid)
 ORDER BY updated_at DESC, id DESC LIMIT $6

-- name: projects_by_name
SELECT id AS project_id, name, status, paused, reason, created_at, updated_at FROM projects
 WHERE tenant = $1 AND ($2::project_status[] IS NULL OR status = ANY ($2)) AND ($3::bool IS NULL OR paused = $3)
   AND (name, id) > (coalesce($4::text, ''), $5::uuid)
 ORDER BY name, id LIMIT $6

-- name: projects_by_name_descending
-- No text is the last of all, so the first page begins at the last name that there is.
SELECT id AS project_id, name, status, paused, reason, created_at, updated_at FROM projects
 WHERE tenant = $1 AND ($2::project_status[] IS NULL OR status = ANY ($2)) AND ($3::bool IS NULL OR paused = $3)
   AND (name, id) < (coalesce($4::text, (SELECT max(name) FROM projects WHERE tenant = $1)),
                     CASE WHEN $4 IS NULL THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff' ELSE $5::uuid END)
 ORDER BY name DESC, id DESC LIMIT $6

-- name: requests
-- Without those that wait in a project that is over: nobody can answer them any more.
SELECT r.id AS request_id, r.request_content AS question, r.status, r.project_id, r.task_id, r.response_content,
       r.responded_by, r.created_at, r.updated_at
  FROM hitl_requests r
 WHERE r.tenant = $1 AND (r.created_at, r.id) > (coalesce($2::timestamptz, '-infinity'), $3::uuid)
   AND ($5::hitl_status[] IS NULL OR r.status = ANY ($5))
   AND (r.status <> 'pending' OR (SELECT p.status = 'active' FROM projects p WHERE p.id = r.project_id))
 ORDER BY r.created_at, r.id LIMIT $4

-- name: pending_requests
-- Apart, for these have an index of their own.
SELECT r.id AS request_id, r.request_content AS question, r.status, r.project_id, r.task_id, r.response_content,
       r.responded_by, r.created_at, r.updated_at
  FROM hitl_requests r
 WHERE r.tenant = $1 AND (r.created_at, r.id) > (coalesce($2::timestamptz, '-infinity'), $3::uuid)
   AND r.status = 'pending' AND (SELECT p.status = 'active' FROM projects p WHERE p.id = r.project_id)
 ORDER BY r.created_at, r.id LIMIT $4

-- name: pending_count
SELECT coalesce(sum(waiting.n), 0)::bigint FROM tenants_shown($1) AS shown (tenant)
 CROSS JOIN LATERAL (
     SELECT count(*) AS n FROM hitl_requests r
      WHERE r.tenant = shown.tenant AND r.status = 'pending'
        AND (SELECT p.status = 'active' FROM projects p WHERE p.id = r.project_id)) waiting
