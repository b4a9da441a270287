-- append_batch: many commands, independent outcomes, one lock, one commit.
--
-- s_project: the distinct streams of the batch. c_*: one element a command: c_stream points into s_project (from 1);
-- c_message is null where nothing is to be deduplicated; c_expected is the version that the decision saw, 0 for a
-- stream that must not exist, null for any; c_events counts its events. e_*: one element an event: e_command points
-- into c_* and e_nth counts within it (both from 1). No consumer and message may stand twice in one batch.
--
-- Outcomes: 'ok'; 'duplicate' (this consumer settled this message before: position, version and reply are those of
-- then, and request_hash tells whether it was the same request); 'conflict' (another version, or an earlier command
-- of the stream in this batch was not ok; nothing of it was written). All come back as arrays in one row, for a set of
-- rows costs more to make and to read; replies and hashes are null unless there is a duplicate.
CREATE FUNCTION append_batch(
    s_project uuid[],
    c_stream int[], c_expected int[], c_events int[], c_consumer text[], c_message uuid[], c_request_hash text[],
    c_reply jsonb[],
    e_command int[], e_nth int[], e_id uuid[], e_type text[], e_payload jsonb[], e_actor text[], e_causation uuid[],
    e_correlation uuid[], e_schema int[],
    OUT outcome text[], OUT "position" bigint[], OUT version int[], OUT "timestamp" timestamptz, OUT reply jsonb[],
    OUT request_hash text[]
) LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    head      log_head;
    moment    timestamptz;
    versions  int[];
    seen      bool[];
    broken    bool[]   := array_fill(false, ARRAY[cardinality(s_project)]);
    outcomes  text[]   := array_fill('ok'::text, ARRAY[cardinality(c_stream)]);
    before    int[]    := array_fill(-1, ARRAY[cardinality(c_stream)]);         -- version before its first event
    reached   bigint[] := array_fill(-1::bigint, ARRAY[cardinality(c_stream)]); -- position before its first event
    hashes    bytea[]; -- of the new events, by position: what each covers of its own, then the link of the chain
    last      bigint;
    last_hash bytea;
    stream    int;
BEGIN
    SELECT * INTO head FROM log_head FOR UPDATE;
    last := head.position;
    moment := greatest(clock_timestamp(), head.timestamp);

    SELECT array_agg(coalesce((SELECT l.version FROM event_log l WHERE l.project_id = s.project
                                ORDER BY l.version DESC LIMIT 1), 0) ORDER BY s.n)
      INTO versions FROM unnest(s_project) WITH ORDINALITY AS s (project, n);
    SELECT array_agg(coalesce((SELECT true FROM inbox i WHERE i.id = inbox_key(c.consumer, c.message) LIMIT 1), false)
                     ORDER BY c.n)
      INTO seen FROM unnest(c_consumer, c_message) WITH ORDINALITY AS c (consumer, message, n);

    FOR n IN 1 .. cardinality(c_stream) LOOP
        stream := c_stream[n];
        IF seen[n] THEN
            outcomes[n] := 'duplicate';
            broken[stream] := true;
        ELSIF broken[stream] OR c_expected[n] <> versions[stream] THEN
            outcomes[n] := 'conflict';
            broken[stream] := true;
        ELSE
            before[n] := versions[stream];
            reached[n] := last;
            versions[stream] := versions[stream] + c_events[n];
            last := last + c_events[n];
        END IF;
    END LOOP;

    SELECT array_agg(convert_to(log_body(reached[command] + nth, before[command] + nth, id,
                                         s_project[c_stream[command]], event_type, moment, actor, causation,
                                         correlation, schema_version, payload), 'UTF8')
                     ORDER BY reached[command] + nth)
      INTO hashes
      FROM unnest(e_command, e_nth, e_id, e_type, e_payload, e_actor, e_causation, e_correlation, e_schema)
           AS e (command, nth, id, event_type, payload, actor, causation, correlation, schema_version)
     WHERE reached[command] >= 0;
    last_hash := head.hash;
    FOR n IN 1 .. last - head.position LOOP -- a loop here: as an aggregate it starts a function for each row
        last_hash := sha256(last_hash || hashes[n]);
        hashes[n] := last_hash;
    END LOOP;

    INSERT INTO event_log (id, project_id, causation_id, correlation_id, "timestamp", position, version,
                           schema_version, event_type, actor, payload, hash)
    SELECT id, s_project[c_stream[command]], causation, correlation, moment, reached[command] + nth,
           before[command] + nth, schema_version, event_type, actor, payload,
           hashes[reached[command] + nth - head.position]
      FROM unnest(e_command, e_nth, e_id, e_type, e_payload, e_actor, e_causation, e_correlation, e_schema)
           AS e (command, nth, id, event_type, payload, actor, causation, correlation, schema_version)
     WHERE reached[command] >= 0;

    INSERT INTO inbox (id, consumer, message_id, request_hash, position, version, settled_at, reply)
    SELECT inbox_key(consumer, message), consumer, message, c.request_hash, reached[n] + events, before[n] + events,
           moment, c.reply
      FROM unnest(c_consumer, c_message, c_request_hash, c_events, c_reply) WITH ORDINALITY
           AS c (consumer, message, request_hash, events, reply, n)
     WHERE reached[n] >= 0 AND message IS NOT NULL;

    IF last > head.position THEN
        UPDATE log_head SET position = last, "timestamp" = moment, hash = last_hash;
    END IF;

    IF 'duplicate' = ANY (outcomes) THEN
        -- LIMIT keeps it a look-up: a join would scan the inbox as it grows
        SELECT array_agg(i.reply ORDER BY c.n), array_agg(i.request_hash ORDER BY c.n),
               array_agg(coalesce(i.position, reached[c.n] + c.events) ORDER BY c.n),
               array_agg(coalesce(i.version, before[c.n] + c.events) ORDER BY c.n)
          INTO append_batch.reply, append_batch.request_hash, append_batch."position", append_batch.version
          FROM unnest(c_consumer, c_message, c_events) WITH ORDINALITY AS c (consumer, message, events, n)
          LEFT JOIN LATERAL (SELECT * FROM inbox
                              WHERE outcomes[c.n] = 'duplicate' AND id = inbox_key(c.consumer, c.message) LIMIT 1) i
            ON true;
    ELSE
        SELECT array_agg(reached[c.n] + c.events ORDER BY c.n), array_agg(before[c.n] + c.events ORDER BY c.n)
          INTO append_batch."position", append_batch.version
          FROM unnest(c_events) WITH ORDINALITY AS c (events, n);
    END IF;
    append_batch.outcome := outcomes;
    append_batch."timestamp" := moment;
END $$;
