CREATE TYPE span AS RANGE (subtype = integer, multirange_type_name = spans);
CREATE TYPE daterange2 AS RANGE (subtype = date);
CREATE TABLE t(id integer PRIMARY KEY, s spans, d daterange2);
