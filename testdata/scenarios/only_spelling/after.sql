create table if not exists [t] (
  "id" integer primary key, -- the key
  name varchar ( 20 ) collate binary not null on conflict abort default 'x',
  n int references t("id") on delete no action,
  check ( n > 0 )
);
create index if not exists main.t_name on t ( "name" asc );
create view v as
  select id, name -- two of three
  from t where n > 1;
