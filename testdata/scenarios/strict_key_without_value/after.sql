CREATE TABLE words(word TEXT, place TEXT, PRIMARY KEY (word)) STRICT;
