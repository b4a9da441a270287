-- name: shape
-- The statements that give the schema that comes first in the search_path the tables of `projections`, with every
-- name kept, and when: table, option (of a column) and key before it is filled; late key (one that filling looks
-- nothing up by), index, reference and statistics (of the columns that an index is chosen by) after; owner and right at
-- the end.
-- Definitions are unqualified as long as `projections` is in the search_path while this runs.
WITH live AS (
    SELECT c.oid, c.relname, c.relowner, c.relacl FROM pg_class c
     WHERE c.relnamespace = 'projections'::regnamespace AND c.relkind = 'r'
), keys AS (
    SELECT k.oid, k.conname, k.contype, k.conindid, live.relname
      FROM pg_constraint k JOIN live ON k.conrelid = live.oid WHERE k.contype IN ('p', 'u', 'f')
)
SELECT 'table' AS step, relname AS name,
       format('CREATE TABLE %I (LIKE projections.%I INCLUDING ALL EXCLUDING INDEXES)', relname, relname) AS statement
  FROM live
UNION ALL
SELECT 'option', relname,
       format('ALTER TABLE %I ALTER %I SET (%s)', relname, attname, array_to_string(attoptions, ', '))
  FROM live JOIN pg_attribute ON attrelid = live.oid AND attoptions IS NOT NULL
UNION ALL
SELECT CASE WHEN contype = 'f' THEN 'reference'
            WHEN conname IN ('agent_status_history_pkey', 'context_artifacts_pkey', 'hitl_requests_task_id_key')
            THEN 'late key' ELSE 'key' END, conname,
       format('ALTER TABLE %I ADD CONSTRAINT %I %s', relname, conname, pg_get_constraintdef(oid))
  FROM keys
UNION ALL
SELECT 'index', i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid, 0, true)
  FROM pg_index i JOIN live ON i.indrelid = live.oid WHERE i.indexrelid NOT IN (SELECT conindid FROM keys)
UNION ALL
SELECT 'statistics', relname, format('ANALYZE %I (%s)', relname, string_agg(quote_ident(attname), ', '))
  FROM live JOIN pg_attribute ON attrelid = live.oid AND NOT attisdropped
 WHERE attname = 'status' OR EXISTS (SELECT FROM pg_index WHERE indrelid = live.oid AND attnum = ANY (indkey))
 GROUP BY relname
UNION ALL
SELECT 'owner', relname, format('ALTER TABLE %I OWNER TO %I', relname, pg_get_userbyid(relowner)) FROM live
UNION ALL
SELECT 'owner', '', format('ALTER SCHEMA projections_next OWNER TO %I', pg_get_userbyid(nspowner))
  FROM pg_namespace WHERE nspname = 'projections'
UNION ALL
SELECT 'right', relname,
       format('GRANT %s ON %I TO %s', r.privilege_type, relname,
              CASE r.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r.grantee)) END)
  FROM live CROSS JOIN LATERAL aclexplode(relacl) r WHERE r.grantee <> relowner
UNION ALL
SELECT 'right', '',
       format('GRANT %s ON SCHEMA projections_next TO %s', r.privilege_type,
              CASE r.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r.grantee)) END)
  FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) r
 WHERE n.nspname = 'projections' AND r.grantee <> n.nspowner
 ORDER BY step, name

-- name: columns
SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS names,
       string_agg(format('excluded.%I', attname), ', ' ORDER BY attnum) AS excluded
  FROM pg_attribute WHERE attrelid = ('projections.' || quote_ident($1))::regclass AND attnum > 0 AND NOT attisdropped

-- name: shown
SELECT c.position, h.position FROM checkpoints c CROSS JOIN log_head h WHERE c.name = 'projector'

-- name: lock_checkpoint
SELECT position FROM checkpoints WHERE name = 'projector' FOR UPDATE

-- name: differences
-- Rows that differ, with how many there are in all: what the log says (null: no such row), what the table shows.
WITH wanted AS (SELECT * FROM projections_next.{table} EXCEPT SELECT * FROM projections.{table}),
     found AS (SELECT * FROM projections.{table} EXCEPT SELECT * FROM projections_next.{table})
SELECT coalesce(w.id, f.id) AS id, to_jsonb(w) AS expected, to_jsonb(f) AS found, count(*) OVER () AS total
  FROM wanted w FULL JOIN found f ON f.id = w.id
 ORDER BY 1 LIMIT $1

-- name: remove_extra
DELETE FROM projections.{table} t WHERE NOT EXISTS (SELECT FROM projections_next.{table} n WHERE n.id = t.id)

-- name: correct
INSERT INTO projections.{table}
SELECT * FROM projections_next.{table} EXCEPT SELECT * FROM projections.{table}
ON CONFLICT (id) DO UPDATE SET ({names}) = ROW ({excluded})
