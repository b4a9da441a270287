-- What events are too small for. An event names a blob by its sha256, in its own key `$blobs`: a list of
-- {"sha256", "path", "size"}, where the path leads to the place in the payload that holds {"$blob": sha256} instead.
-- Only listed places are references: JSON that happens to hold such a key elsewhere is not one.
--
-- The content is kept as the text that was hashed, so that anybody can hash it again (jsonb would write it anew);
-- that it is JSON which jsonb takes is checked on the way in, because whoever projects it must be able to rely on it.
CREATE TABLE log_blobs (
    id      uuid PRIMARY KEY GENERATED ALWAYS AS (left(sha256, 32)::uuid) STORED,
    sha256  text NOT NULL UNIQUE,
    content text NOT NULL,
    CHECK (sha256 = encode(sha256(convert_to(content, 'UTF8')), 'hex')),
    CHECK (octet_length(content) <= 16 << 20),
    CHECK (jsonb_typeof(content::jsonb) IS NOT NULL)
);

CREATE FUNCTION log_blobs_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'log_blobs is append-only: % is not allowed', TG_OP;
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log_blobs
    FOR EACH STATEMENT EXECUTE FUNCTION log_blobs_are_append_only();
ALTER TABLE log_blobs ENABLE ALWAYS TRIGGER append_only;

-- A payload with its blobs in place. A blob that is missing is an error, except to the lenient: to them one that is not
-- there as it was written is a warning, and its place keeps the reference.
CREATE FUNCTION with_blobs(payload jsonb, lenient boolean DEFAULT false) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    whole     jsonb := payload - '$blobs';
    reference jsonb;
    path      text[];
    stored    text;
BEGIN
    FOR reference IN SELECT jsonb_array_elements(payload -> '$blobs') LOOP
        path := ARRAY(SELECT jsonb_array_elements_text(reference -> 'path'));
        CONTINUE WHEN whole #> path IS NULL; -- the caller left that part out
        SELECT b.content INTO stored FROM log_blobs b WHERE b.sha256 = reference ->> 'sha256'
           AND (NOT lenient OR b.sha256 = encode(sha256(convert_to(b.content, 'UTF8')), 'hex'));
        IF NOT FOUND AND lenient THEN
            RAISE WARNING 'Blob % is missing from log_blobs, or altered: the reference stays in its place',
                          reference ->> 'sha256'
                  USING ERRCODE = 'data_corrupted', HINT = 'baton log verify names the events; restore the table.';
            CONTINUE;
        ELSIF NOT FOUND THEN
            RAISE EXCEPTION 'Blob % is missing from log_blobs, so the event that names it cannot be read',
                            reference ->> 'sha256'
                  USING ERRCODE = 'data_corrupted', HINT = 'Restore the table from a backup or an export of the log.';
        END IF;
        whole := jsonb_set(whole, path, stored::jsonb);
    END LOOP;
    RETURN whole;
END $$;

-- A payload with its blobs in place. Inlined, so that one without any costs no call.
CREATE FUNCTION resolved(payload jsonb) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN payload ? '$blobs' THEN with_blobs(payload) ELSE payload END;

-- The blobs that events in (low, high] name and that are not there as they were written.
CREATE FUNCTION broken_blobs(low bigint, high bigint) RETURNS TABLE ("position" bigint, sha256 text, problem text)
LANGUAGE sql STABLE AS $$
    SELECT l.position, named.sha256, CASE WHEN b.id IS NULL THEN 'missing' ELSE 'altered' END
      FROM event_log l
     CROSS JOIN LATERAL (SELECT DISTINCT reference ->> 'sha256' AS sha256
                           FROM jsonb_array_elements(l.payload -> '$blobs') AS reference) named
      LEFT JOIN log_blobs b ON b.sha256 = named.sha256
     WHERE l.position > low AND l.position <= high AND l.payload ? '$blobs'
       AND (b.id IS NULL OR b.sha256 <> encode(sha256(convert_to(b.content, 'UTF8')), 'hex'))
     ORDER BY l.position, named.sha256
$$;
