INSERT INTO crabs(id, name) VALUES (1, 'red'), (2, 'blue');
ALTER TABLE crabs DROP COLUMN legs;
ALTER TABLE crabs DROP COLUMN state;
ALTER TABLE crabs ADD COLUMN state TEXT;
ALTER TABLE crabs ADD COLUMN legs INT;
INSERT INTO crabs(id, name, state, legs) VALUES (3, 'green', 'old', 9), (4, 'grey', NULL, 10);
