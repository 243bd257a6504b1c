SELECT 'a;''b', "c;""d", [e;], `f;`, x'00', 1.5e-3, .5, 0x1f, ?1, :name, @v, $w::x(y); /* ; */ -- ;
EXPLAIN QUERY PLAN SELECT 3; EXPLAIN CREATE TRIGGER x BEFORE UPDATE ON t BEGIN SELECT 1; END; SELECT 4
