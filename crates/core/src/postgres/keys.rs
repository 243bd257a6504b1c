//! What an index or a key stands on, taken from its definition as PostgreSQL prints it: so that rows can be asked whether
//! they fit before it is built.

use super::token::{Token, TokenKind, tokenize};

/// What rows are held by in an index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// The method: `btree`.
    pub method: String,
    /// Columns and expressions, in order.
    pub keys: Vec<Key>,
    /// Columns of `INCLUDE`, as SQL.
    pub included: Vec<String>,
    /// Whether two NULLs are alike.
    pub nulls_alike: bool,
    /// The condition of the rows that are in it.
    pub condition: Option<String>,
}

/// One column or expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// As it may stand in a query, with the collation.
    pub sql: String,
    /// Whether it is a column as it is.
    pub is_column: bool,
    /// The operator by which rows exclude each other, in an exclusion constraint; else empty.
    pub operator: String,
}

struct Reader<'s> {
    sql: &'s str,
    tokens: Vec<Token>,
    at: usize,
}

impl Reader<'_> {
    fn is(&self, word: &str) -> bool {
        self.tokens.get(self.at).is_some_and(|token| token.is(self.sql, word))
    }

    fn take(&mut self, word: &str) -> bool {
        let is_it = self.is(word);
        self.at += usize::from(is_it);
        is_it
    }

    /// Goes behind the parenthesis that closes the one here.
    fn skip_group(&mut self) -> Option<()> {
        let mut depth = 0;
        loop {
            match () {
                () if self.is("(") || self.is("[") => depth += 1,
                () if self.is(")") || self.is("]") => depth -= 1,
                () => {}
            }
            self.tokens.get(self.at)?;
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }

    /// The text between two tokens.
    fn between(&self, from: usize, to: usize) -> Option<&str> {
        let (first, last) = (self.tokens.get(from)?, self.tokens.get(to.checked_sub(1)?)?);
        self.sql.get(first.range.start..last.range.end)
    }

    /// Goes behind `name` or `schema.name`.
    fn skip_name(&mut self) {
        self.at += 1;
        while self.take(".") {
            self.at += 1;
        }
    }

    fn key(&mut self) -> Option<Key> {
        let start = self.at;
        let mut is_column = false;
        if self.is("(") {
            self.skip_group()?;
        } else {
            self.skip_name();
            is_column = !self.is("(");
            if !is_column {
                self.skip_group()?;
            }
        }
        let mut end = self.at;
        if self.take("collate") {
            self.skip_name();
            end = self.at;
        }
        let sql = self.between(start, end)?.to_owned();
        // An operator class with its options, the order, and an operator.
        let mut operator = None;
        while !self.is(",") && !self.is(")") {
            self.tokens.get(self.at)?;
            match () {
                () if self.is("(") => self.skip_group()?,
                () if self.take("with") => operator = Some(self.at),
                () => self.at += 1,
            }
        }
        let operator = operator.and_then(|from| self.between(from, self.at)).unwrap_or_default().to_owned();
        Some(Key { sql, is_column, operator })
    }

    fn keys(&mut self) -> Option<Vec<Key>> {
        let mut keys = Vec::new();
        self.take("(").then_some(())?;
        loop {
            keys.push(self.key()?);
            if !self.take(",") {
                return self.take(")").then_some(keys);
            }
        }
    }

    /// From the list of keys on.
    fn rest(&mut self, method: String) -> Option<Keys> {
        let mut keys = Keys { method, ..Keys::default() };
        keys.nulls_alike = self.nulls_alike();
        keys.keys = self.keys()?;
        while self.at < self.tokens.len() {
            if self.take("include") {
                keys.included = self.keys()?.into_iter().map(|key| key.sql).collect();
            } else if self.take("where") {
                keys.condition = Some(self.between(self.at, self.tokens.len())?.to_owned());
                break;
            } else if self.nulls_alike() {
                keys.nulls_alike = true;
            } else if self.is("(") {
                self.skip_group()?;
            } else {
                self.at += 1;
            }
        }
        Some(keys)
    }

    fn nulls_alike(&mut self) -> bool {
        let here = self.at;
        let found = self.take("nulls") && self.take("not") && self.take("distinct");
        if !found {
            self.at = here;
        }
        found
    }
}

fn reader(sql: &str) -> Option<Reader<'_>> {
    let mut tokens = tokenize(sql).ok()?;
    tokens.retain(|token| token.kind != TokenKind::Comment);
    Some(Reader { sql, tokens, at: 0 })
}

impl Keys {
    /// Those of `CREATE INDEX …`.
    pub fn of_index(definition: &str) -> Option<Keys> {
        let mut reader = reader(definition)?;
        while !reader.take("using") {
            reader.tokens.get(reader.at)?;
            reader.at += 1;
        }
        let method = reader.tokens.get(reader.at)?.name(definition)?;
        reader.at += 1;
        reader.rest(method)
    }

    /// Those of `PRIMARY KEY (…)` and `UNIQUE (…)`.
    pub fn of_constraint(definition: &str) -> Option<Keys> {
        let mut reader = reader(definition)?;
        let is_key = reader.take("unique") || (reader.take("primary") && reader.take("key"));
        is_key.then_some(())?;
        reader.rest("btree".to_owned())
    }

    /// Those of `EXCLUDE …`.
    pub fn of_exclusion(definition: &str) -> Option<Keys> {
        let constraint = definition.strip_suffix(" INITIALLY DEFERRED").unwrap_or(definition);
        Keys::of_index(constraint.strip_suffix(" DEFERRABLE").unwrap_or(constraint))
    }

    /// What a row is held by.
    fn list(&self) -> (String, String) {
        let list = self.keys.iter().enumerate().map(|(n, key)| format!("({}) AS k{n}", key.sql));
        let names = (0..self.keys.len()).map(|n| format!("k{n}"));
        (list.collect::<Vec<_>>().join(", "), names.collect::<Vec<_>>().join(", "))
    }

    fn condition(&self) -> String {
        self.condition.as_ref().map(|condition| format!(" WHERE ({condition})")).unwrap_or_default()
    }

    /// How many rows are alike in all of them.
    pub fn alike(&self, table: &str) -> String {
        let (list, names) = self.list();
        let known = if self.nulls_alike { "true".to_owned() } else { format!("pg_catalog.num_nulls({names}) = 0") };
        format!(
            "SELECT coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM (SELECT {list} FROM {table}{}) r WHERE {known} \
             GROUP BY {names} HAVING count(*) > 1) d",
            self.condition()
        )
    }

    /// How many rows are excluded by another one. Each is compared with each, unless an operator can be looked up.
    pub fn excluded(&self, table: &str) -> String {
        let (list, _) = self.list();
        let excludes = |(n, key): (usize, &Key)| format!("a.k{n} {} b.k{n}", key.operator);
        let excludes: Vec<String> = self.keys.iter().enumerate().map(excludes).collect();
        format!(
            "WITH r AS MATERIALIZED (SELECT pg_catalog.row_number() OVER () AS n, {list} FROM {table}{}) SELECT count(*) \
             FROM r a WHERE EXISTS (SELECT 1 FROM r b WHERE a.n <> b.n AND {})",
            self.condition(),
            excludes.join(" AND ")
        )
    }

    /// A query that fails where the expressions or the condition fail for a row; nothing where they cannot.
    pub fn computed(&self, table: &str) -> Option<String> {
        (self.condition.is_some() || self.keys.iter().any(|key| !key.is_column)).then_some(())?;
        let (list, names) = self.list();
        let counts: Vec<String> = names.split(", ").map(|name| format!("count({name})")).collect();
        Some(format!("SELECT ({}) * 0 FROM (SELECT {list} FROM {table}{}) r", counts.join(" + "), self.condition()))
    }

    /// How many rows are too long for a btree, which takes a third of a page
    /// (<https://www.postgresql.org/docs/current/btree.html>). What is computed is left out: how far it can be compressed
    /// is not known.
    pub fn too_long(&self, table: &str) -> Option<String> {
        (self.method == "btree").then_some(())?;
        let columns = self.keys.iter().filter(|key| key.is_column).map(|key| key.sql.as_str());
        let columns = columns.map(|sql| sql.split(" COLLATE ").next().unwrap_or(sql));
        let sizes: Vec<String> = columns
            .chain(self.included.iter().map(String::as_str))
            .map(|sql| format!("coalesce(pg_catalog.pg_column_size({sql}), 0)"))
            .collect();
        (!sizes.is_empty()).then_some(())?;
        let and = self.condition.as_ref().map(|condition| format!(" AND ({condition})")).unwrap_or_default();
        Some(format!(
            "SELECT count(*) FROM {table} WHERE {} > pg_catalog.current_setting('block_size')::integer / 3 - 34{and}",
            sizes.join(" + ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_postgresql_prints_them() {
        let keys = |sql: &str| Keys::of_index(sql).or_else(|| Keys::of_constraint(sql)).expect(sql);
        let shown = |sql: &str| keys(sql).keys.iter().map(|key| key.sql.clone()).collect::<Vec<_>>();
        let of = "CREATE UNIQUE INDEX i ON public.t USING btree";
        assert_eq!(shown(&format!("{of} (a, b DESC NULLS LAST)")), ["a", "b"]);
        assert_eq!(
            shown(&format!("{of} (lower((a)::text) COLLATE \"C\" text_pattern_ops DESC, ((b)::integer))")),
            ["lower((a)::text) COLLATE \"C\"", "((b)::integer)"]
        );
        assert_eq!(shown(&format!("{of} (\"a, b\", app.f(a, ','::text))")), ["\"a, b\"", "app.f(a, ','::text)"]);
        assert_eq!(shown("CREATE INDEX i ON t USING gist (a inet_ops (siglen='8'), b)"), ["a", "b"]);
        let all = keys(&format!(
            "{of} (a) INCLUDE (b, \"C\") NULLS NOT DISTINCT WITH (fillfactor='70') TABLESPACE x WHERE (a > (0))"
        ));
        assert_eq!(all.included, ["b", "\"C\""]);
        assert_eq!((all.nulls_alike, all.condition.as_deref()), (true, Some("(a > (0))")));
        let key = keys("UNIQUE NULLS NOT DISTINCT (a, b) INCLUDE (c) DEFERRABLE");
        assert_eq!((key.keys.len(), key.nulls_alike, key.included.len()), (2, true, 1));
        assert!(keys("PRIMARY KEY (a)").computed("t").is_none());
        assert_eq!(Keys::of_constraint("CHECK (a)"), None);
        let exclusion = Keys::of_exclusion(
            "EXCLUDE USING gist (room WITH =, lower(b) x.some_ops (a='1') WITH OPERATOR(x.&&)) INCLUDE (c) \
             WITH (fillfactor='70') WHERE ((a > (0))) DEFERRABLE INITIALLY DEFERRED",
        );
        let exclusion = exclusion.expect("it is one");
        assert_eq!(exclusion.condition.as_deref(), Some("((a > (0)))"));
        assert_eq!(
            exclusion.excluded("t"),
            "WITH r AS MATERIALIZED (SELECT pg_catalog.row_number() OVER () AS n, (room) AS k0, (lower(b)) AS k1 FROM t \
             WHERE (((a > (0))))) SELECT count(*) FROM r a WHERE EXISTS (SELECT 1 FROM r b WHERE a.n <> b.n AND a.k0 = \
             b.k0 AND a.k1 OPERATOR(x.&&) b.k1)"
        );
        for wrong in ["", "CREATE INDEX i ON t USING", "CREATE INDEX i ON t USING btree (a", "UNIQUE (a", "UNIQUE (("] {
            assert_eq!(Keys::of_index(wrong).or_else(|| Keys::of_constraint(wrong)), None, "{wrong}");
        }
    }
}
