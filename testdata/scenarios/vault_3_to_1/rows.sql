INSERT INTO account(uuid, created_at, email, name, password_hash, salt, rounds, password_hint, akey, totp_secret, stamp) VALUES
  ('o-1', '2026-01-01 00:00:00', 'ada@example.org', 'Ada', x'00ff10', x'01', 5000, 'the "usual"', 'k', NULL, 's1'),
  ('o-2', '2026-01-02 00:00:00', 'Bob@example.org', 'Bøb', x'', x'02', 100000, NULL, 'k2', 'JBSW', 's2');
INSERT INTO gadget(uuid, owner_uuid, name, kind, push_token, refresh_token) VALUES ('g-1', 'o-1', 'phone', 1, NULL, 'r1'), ('g-2', 'o-2', 'web', 9, 'p', 'r2');
INSERT INTO folder VALUES ('f-1', '2026-01-01', 'o-1', 'Work'), ('f-2', '2026-01-01', 'o-1', 'emp''ty');
INSERT INTO team(uuid, name, billing_email) VALUES ('t-1', 'Waders', 'pay@example.org');
INSERT INTO item(uuid, created_at, owner_uuid, team_uuid, kind, name, notes, fields, data) VALUES
  ('i-1', '2026-01-03', 'o-1', NULL, 1, '2.abc|def', NULL, '[]', '{"uri":"https://x/?a=1;b=2"}'),
  ('i-2', '2026-01-04', NULL, 't-1', 2, 'note', 'line one' || char(10) || '-- two', NULL, '{}'),
  ('i-3', '2026-01-05', 'o-2', NULL, 1, '', NULL, NULL, '');
INSERT INTO attachment(id, item_uuid, file_name, file_size) VALUES ('a-1', 'i-1', 'key.pem', 1700), ('a-2', 'i-2', 'größe', 9223372036854775807);
INSERT INTO shelf(uuid, team_uuid, name) VALUES ('s-1', 't-1', 'Shared');
INSERT INTO item_shelf(rowid, item_uuid, shelf_uuid) VALUES (50, 'i-2', 's-1');
INSERT INTO owner_shelf(owner_uuid, shelf_uuid, read_only) VALUES ('o-1', 's-1', 0), ('o-2', 's-1', 1);
INSERT INTO member(uuid, owner_uuid, team_uuid, akey, status, kind) VALUES ('m-1', 'o-1', 't-1', 'mk', 2, 0), ('m-2', 'o-2', 't-1', '', 1, 2);
INSERT INTO invitation VALUES ('eve@example.org');
INSERT INTO policy VALUES ('p-1', 't-1', 0, 1, '{}'), ('p-2', 't-1', 1, 0, '');
INSERT INTO second_factor(uuid, owner_uuid, kind, enabled, data) VALUES ('x-1', 'o-2', 0, 1, 'JBSW');
INSERT INTO event(id, kind, who, item, at) VALUES (7, 1000, 'o-1', 'i-1', '2026-02-01'), (9000, 1107, NULL, NULL, '2026-02-02');
INSERT INTO favourite VALUES ('o-1', 'i-1');
INSERT INTO folder_item VALUES ('f-1', 'i-1');
