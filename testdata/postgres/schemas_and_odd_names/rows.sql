INSERT INTO app."Odd ""table"" name." VALUES (1, 'x');
INSERT INTO app.users VALUES (1);
INSERT INTO users VALUES (1, 1);
