CREATE TABLE legs(id INTEGER PRIMARY KEY, left_leg TEXT, right_leg TEXT, CHECK (left_leg <> right_leg));
CREATE INDEX legs_left ON legs(left_leg);
CREATE VIEW legs_view AS SELECT id, left_leg AS l FROM legs;
