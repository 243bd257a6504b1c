INSERT INTO sightings VALUES (10, '2026-05-01', 4, 'mudflat'), (20, '2026-05-02', NULL, 'saltmarsh');
