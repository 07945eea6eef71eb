-- Large tables, of which a small part is in someone's hands.
INSERT INTO workspaces VALUES ('00000000-0000-0000-0000-000000000001', 'w', '\x00', now());
INSERT INTO campaigns (id, workspace_id, name, template, pool, state, created_at)
    SELECT ('00000000-0000-0000-0001-' || lpad(g::text, 12, '0'))::uuid, '00000000-0000-0000-0000-000000000001', 'c', 't', 'p',
        (ARRAY['running', 'completed', 'draft', 'paused', 'cancelled', 'scheduled'])[1 + g % 6], now() FROM generate_series(1, 60) g;
INSERT INTO senders (id, workspace_id, phone, channel, name, profile, zone, seed, state, session_state, created_at)
    SELECT ('00000000-0000-0000-0002-' || lpad(g::text, 12, '0'))::uuid, '00000000-0000-0000-0000-000000000001', g::text, 'web', 's',
        'p', 'UTC', g, 'active', 'connected', now() FROM generate_series(1, 300) g;
INSERT INTO pools SELECT ('00000000-0000-0000-0003-' || lpad(g::text, 12, '0'))::uuid, '00000000-0000-0000-0000-000000000001', g::text
    FROM generate_series(1, 20) g;
INSERT INTO pool_members SELECT s.id, p.id, s.workspace_id FROM senders s JOIN pools p ON p.name = (s.seed % 20 + 1)::text;
INSERT INTO messages (id, workspace_id, campaign_id, row_no, lane, state, sender_id, binding, pool_id, expires_at, release_deadline,
        attempts, attempted_at, created_at, sent_at, hash, phone, wa_id, chars)
    SELECT md5('m' || g)::uuid, '00000000-0000-0000-0000-000000000001', CASE WHEN g % 10 > 0 THEN c.id END,
        CASE WHEN g % 10 > 0 THEN g END, CASE WHEN g % 10 > 0 THEN 'campaign' ELSE 'transactional' END, k.state,
        CASE WHEN k.state <> 'waiting' OR g % 7 = 0 THEN s.id END, 'free',
        CASE WHEN g % 10 = 0 THEN '00000000-0000-0000-0003-000000000001'::uuid END, now() + g * interval '1 second',
        CASE WHEN k.state = 'waiting' AND g % 70 = 0 THEN now() END, CASE WHEN k.state = 'waiting' THEN 0 ELSE 1 END,
        CASE WHEN k.state <> 'waiting' THEN now() - g * interval '1 second' END, now(), CASE WHEN k.state = 'sent' THEN now() END,
        decode(md5((g % 9000)::text), 'hex'), g::text, md5('w' || g), 80
    FROM generate_series(1, 30000) g
        CROSS JOIN LATERAL (SELECT CASE WHEN g % 150 = 1 THEN 'sending' WHEN g % 2 = 0 THEN 'waiting' ELSE 'sent' END AS state) k
        CROSS JOIN LATERAL (SELECT ('00000000-0000-0000-0001-' || lpad((g % 60 + 1)::text, 12, '0'))::uuid AS id) c
        CROSS JOIN LATERAL (SELECT ('00000000-0000-0000-0002-' || lpad((g % 300 + 1)::text, 12, '0'))::uuid AS id) s;
INSERT INTO message_contents SELECT seq, workspace_id, repeat('x', 100) FROM messages;
INSERT INTO attempts (message_id, number, workspace_id, sender_id, worker_id, epoch, intended_at, intended_really_at, profile_version,
        pace_inputs, outcome, ended_at, recorded_at, provider_id)
    SELECT id, 1, workspace_id, sender_id, id, 1, now(), now(), 1, '{}', CASE WHEN state = 'sent' THEN '{}' END, now(), now(),
        CASE WHEN seq % 3 = 0 THEN md5('p' || seq) END FROM messages WHERE attempts > 0;
INSERT INTO inbox (id, workspace_id, recorded_at)
    SELECT md5('i' || g)::uuid, '00000000-0000-0000-0000-000000000001', now() FROM generate_series(1, 20000) g;
INSERT INTO events (number, id, workspace_id, kind, at, data, recorded_at)
    SELECT CASE WHEN g <= 19900 THEN g END, md5('e' || g)::uuid, '00000000-0000-0000-0000-000000000001', 'message.sent', now(), '{}', now()
    FROM generate_series(1, 20000) g;
INSERT INTO recipients SELECT campaign_id, row_no, workspace_id, hash || decode(lpad(to_hex(row_no), 8, '0'), 'hex'), phone, NULL, NULL, '{}'
    FROM messages WHERE campaign_id IS NOT NULL;
INSERT INTO exclusions SELECT campaign_id, row_no, workspace_id, phone, '{}' FROM messages WHERE campaign_id IS NOT NULL;
INSERT INTO suppressions SELECT '00000000-0000-0000-0000-000000000001', decode(md5(g::text), 'hex'), md5('s' || g)::uuid, g::text, NULL, NULL,
        'all', 'opted_out', now() FROM generate_series(1, 20000) g;
INSERT INTO campaign_counts SELECT '00000000-0000-0000-0000-000000000001', md5('c' || g)::uuid, b, s, 1
    FROM generate_series(1, 300) g CROSS JOIN unnest(ARRAY['waiting', 'sent', 'planned', 'failed', 'read']) b CROSS JOIN generate_series(0, 15) s;
INSERT INTO idempotency_keys SELECT '00000000-0000-0000-0000-000000000001', g::text, now(), '\x00', CASE WHEN g % 200 > 0 THEN 200 END, 'x', '\x00',
        now() FROM generate_series(1, 20000) g;
INSERT INTO webhook_endpoints SELECT md5('w' || g)::uuid, '00000000-0000-0000-0000-000000000001', 'u', '[]', 's', now() FROM generate_series(1, 20) g;
INSERT INTO webhook_deliveries (id, workspace_id, endpoint_id, event_seq, state, next_at, claimed_until, recorded_at)
    SELECT md5('d' || g)::uuid, '00000000-0000-0000-0000-000000000001', md5('w' || (g % 20 + 1))::uuid, g,
        CASE WHEN g % 100 = 0 THEN 'waiting' ELSE 'delivered' END, CASE WHEN g % 100 = 0 THEN now() END,
        CASE WHEN g % 200 = 0 THEN now() END, CASE WHEN g % 100 > 0 THEN now() END FROM generate_series(1, 20000) g;
ANALYZE;
