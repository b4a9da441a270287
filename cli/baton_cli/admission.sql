-- name: any_key
-- Those that count no more too: whoever revokes the last key does not mean to open the door.
SELECT EXISTS (SELECT FROM api_keys)
