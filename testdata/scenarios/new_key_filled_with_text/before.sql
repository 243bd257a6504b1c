CREATE TABLE rings(code);
CREATE TABLE words(word TEXT, place);
