INSERT INTO people VALUES (1, 'Ada Lovelace'), (4, 'Plato');
