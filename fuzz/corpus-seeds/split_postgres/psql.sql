COPY t (a, b) FROM stdin;
1	x;y
\.
\connect other
SET search_path = ''; SELECT 1 \gset
