CREATE SCHEMA app;
CREATE TABLE app."Odd ""table"" name."("select" integer PRIMARY KEY, "Ümlaut" text);
CREATE TABLE app.users(id integer PRIMARY KEY);
CREATE TABLE users(id integer PRIMARY KEY, app_id integer REFERENCES app.users);
