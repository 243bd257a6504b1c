CREATE TABLE counts(amount TEXT);
