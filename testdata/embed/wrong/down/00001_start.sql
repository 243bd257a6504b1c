-- +goose Up
CREATE TABLE notes(id INTEGER PRIMARY KEY, title TEXT NOT NULL);

-- +goose Down
DROP TABLE notes;
VACUUM;
