-- API keys, beside the log.

-- name: valid_keys
SELECT id, hash, name, role, tenant, expires_at FROM api_keys
 WHERE id = ANY ($1::uuid[]) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())

-- name: add_key
-- No row where the name is taken.
INSERT INTO api_keys (id, hash, name, role, tenant, expires_at)
VALUES ($1, $2, $3, $4, $5, now() + make_interval(days => $6::int))
    ON CONFLICT (name) DO NOTHING
RETURNING id, name, role, tenant, created_at, expires_at, 'valid' AS state

-- name: list_keys
SELECT id, name, role, tenant, created_at, expires_at,
       CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= now() THEN 'expired' ELSE 'valid' END AS state
  FROM api_keys ORDER BY created_at, id

-- name: revoke_key
-- No row where it was revoked before.
UPDATE api_keys SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL RETURNING id

-- name: add_ticket
-- Those whose time is over go with the next that is made; one clears them away at a time, for two could deadlock.
WITH over AS (
    DELETE FROM ws_tickets
     WHERE (SELECT pg_try_advisory_xact_lock(hashtext('baton-tickets'))) AND expires_at <= now()
)
INSERT INTO ws_tickets (id, hash, principal, expires_at)
VALUES ($1, $2, $3, now() + make_interval(secs => $4))

-- name: redeem_ticket
-- Of two who try at once, one deletes the row. Nothing where the right that it was made from has ended since.
DELETE FROM ws_tickets t WHERE id = $1 AND hash = $2 AND expires_at > now()
RETURNING CASE
    WHEN (principal ->> 'expires_at')::timestamptz <= now() THEN NULL
    WHEN principal ->> 'key_id' IS NULL THEN principal
    ELSE (SELECT t.principal FROM api_keys k
           WHERE k.id = (t.principal ->> 'key_id')::uuid AND k.revoked_at IS NULL
             AND (k.expires_at IS NULL OR k.expires_at > now()))
END
