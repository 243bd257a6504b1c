-- +goose Up
-- +goose StatementBegin
CREATE TABLE tags(name TEXT PRIMARY KEY);
-- +goose StatementEnd
