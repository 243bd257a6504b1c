CREATE TYPE span AS RANGE (subtype = integer, multirange_type_name = several_spans);
CREATE TYPE dayrange AS RANGE (subtype = date);
CREATE TYPE uuidrange AS RANGE (subtype = uuid, multirange_type_name = uuids);
CREATE TABLE a(id integer PRIMARY KEY, u uuids);
CREATE TABLE t(id integer PRIMARY KEY, s several_spans, d dayrange);
