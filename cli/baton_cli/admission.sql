-- name: any_valid_key
SELECT EXISTS (SELECT FROM api_keys WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()))
