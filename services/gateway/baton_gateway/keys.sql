-- API keys, beside the log.

-- name: valid_keys
SELECT id, hash, name, role, tenant, expires_at FROM api_keys
 WHERE id = ANY ($1::uuid[]) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())

-- name: add_ticket
-- Those whose time is over go with the next that is made.
WITH over AS (
    DELETE FROM ws_tickets WHERE expires_at <= now()
)
INSERT INTO ws_tickets (id, hash, principal, expires_at)
VALUES ($1, $2, $3, now() + make_interval(secs => $4))

-- name: redeem_ticket
DELETE FROM ws_tickets WHERE id = $1 AND hash = $2 AND expires_at > now() RETURNING principal
