CREATE TABLE counts(head_count INTEGER);
