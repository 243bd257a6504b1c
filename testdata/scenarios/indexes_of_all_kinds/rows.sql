INSERT INTO t VALUES (1, 'knot', '2026-05-01', 3), (2, 'ruff', '2026-06-01', NULL), (3, 'Ruff', '2025-01-01', 0);
