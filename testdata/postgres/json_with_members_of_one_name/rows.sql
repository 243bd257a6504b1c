INSERT INTO pages VALUES
  (1, '{"z": 1, "a": 1, "z": 2}', '{"z": 1, "a": [1e2, {"z": null}], "b": "z"}', NULL),
  (2, '{"a": [1, {"deep": [[{"b": 1, "b": 1}]]}]}', '[]', B'1010'),
  (3, '[]', '"a"', B'0000'),
  (4, NULL, NULL, NULL);
