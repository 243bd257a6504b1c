CREATE SCHEMA app;
CREATE SCHEMA "New One";
CREATE TABLE app."Odd ""table"" name."("select" bigint PRIMARY KEY, "Ümlaut" text NOT NULL, "a.b" text DEFAULT 'it''s');
CREATE INDEX "An ""index""" ON app."Odd ""table"" name."("Ümlaut");
CREATE TABLE app.users(id bigint PRIMARY KEY);
CREATE TABLE users(id integer PRIMARY KEY, app_id bigint REFERENCES app.users);
CREATE TABLE "New One"."order"("user" integer);
