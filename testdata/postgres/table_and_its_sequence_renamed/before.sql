CREATE TABLE users(id serial PRIMARY KEY, name text UNIQUE);
CREATE TABLE posts(id serial PRIMARY KEY, author integer REFERENCES users);
