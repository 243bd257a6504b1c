SELECT 'a;''b', E'c\';', U&'\0061' , "d;""e", B'01', X'1f', $1, 1_000, 'a'
  'b', a::text, b[1:2], c->>'d' /* one /* two; */ ; */ -- ;
;ALTER TYPE s ADD VALUE 'x'; CREATE INDEX CONCURRENTLY i ON t (a);
