CREATE TABLE legs(id INTEGER PRIMARY KEY, right_leg TEXT, left_leg TEXT, CHECK (right_leg <> left_leg));
CREATE INDEX legs_left ON legs(right_leg);
CREATE VIEW legs_view AS SELECT id, right_leg AS l FROM legs;
