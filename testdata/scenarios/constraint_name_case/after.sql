create table "t" ( [id] integer /* the key */ primary key, `n` int, constraint POSITIVE check( n>0 ) );
