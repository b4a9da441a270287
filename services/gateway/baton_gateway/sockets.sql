-- What sockets ask of the tables.

-- name: tenants_of_projects
SELECT id, tenant FROM projects WHERE id = ANY ($1::uuid[])
