//! What a plan costs on a server, in requests and statements, so that it does not grow unnoticed. No clock is looked at.

#[path = "support/postgres.rs"]
mod hosts;

use std::fmt::Write as _;

use whimbrel::diff::Question;
use whimbrel::postgres::{Postgres, Scratch, Settings, Wanted, read_schema};
use whimbrel_core::postgres::prepare::make_plan;
use whimbrel_core::postgres::schema::Schema;
use whimbrel_postgres_server::database;

use hosts::Between;

type Noting<'n> = Box<dyn FnMut(&str) + 'n>;

fn noting(sent: &mut Vec<String>) -> Noting<'_> {
    Box::new(|sql: &str| sent.push(sql.to_owned()))
}

/// Tables in chains of five, each with a key, an index and a view.
fn schema(tables: usize, data_type: &str) -> String {
    let mut sql = String::new();
    for n in 0..tables {
        let data_type = if n == 12 { data_type } else { "integer" };
        let parent = if n % 5 == 0 { String::new() } else { format!(" REFERENCES t{}", n - 1) };
        write!(
            sql,
            "CREATE TABLE t{n} (id integer PRIMARY KEY, parent integer{parent}, n {data_type}, note text);\n\
             CREATE INDEX i{n} ON t{n} (n);\nCREATE VIEW v{n} AS SELECT id, note FROM t{n};\n"
        )
        .unwrap();
    }
    sql
}

/// What is sent for a plan in which one thing changes: to the database, and to the scratch place.
fn sent(before: &str, after: &str) -> (Vec<String>, Vec<String>) {
    let live = database("cost_live");
    live.execute(before);
    let other = database("cost_other");
    other.execute(after);
    let empty = database("cost_empty");
    let (mut to_live, mut to_place) = (Vec::new(), Vec::new());
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let connect = async |url: &str| Postgres::connect(url).await.expect("the database is there");
        let wanted: Schema = read_schema(&mut connect(&other.url).await).await.unwrap();
        let wanted = Wanted::Schema(Box::new(wanted));
        let mut place = Between { inner: connect(&empty.url).await, before: noting(&mut to_place) };
        let mut host = Between { inner: connect(&live.url).await, before: noting(&mut to_live) };
        let mut nobody = |_: &Question| None;
        let plan = make_plan(&mut host, Scratch::Given(&mut place), &wanted, &Settings::default(), &mut nobody).await;
        let plan = plan.unwrap();
        assert_eq!(plan.changes.len(), 1, "{:?}", plan.changes);
        assert!(plan.obstacles.is_empty() && plan.warnings.is_empty(), "{:?} {:?}", plan.obstacles, plan.warnings);
        assert_eq!(plan.before.objects.len(), plan.target.objects.len());
    });
    (to_live, to_place)
}

/// The tables that are made by statements.
fn made(statements: &[String]) -> Vec<&str> {
    let made = statements.iter().flat_map(|sql| sql.split("CREATE TABLE public.").skip(1));
    let mut names: Vec<&str> = made.filter_map(|rest| rest.split(' ').next()).collect();
    names.sort_unstable();
    names
}

/// A change is tried out on what it touches and on what refers to it, however many tables stand beside.
#[test]
fn a_plan_costs_what_the_change_costs_and_not_what_the_schema_does() {
    let one_of = |tables| sent(&schema(tables, "integer"), &schema(tables, "bigint"));
    let (few_live, few_place) = one_of(20);
    let (many_live, many_place) = one_of(80);
    assert_eq!(made(&few_place), ["t11", "t12", "t13"]);
    assert_eq!(made(&many_place), made(&few_place));
    assert_eq!(few_place.len(), many_place.len());
    // The rest are a few queries for the catalogue, whatever it holds.
    assert_eq!(few_live.len(), many_live.len());
    assert!(many_live.len() < 40, "{many_live:#?}");
}

/// The catalogue does not know which tables a function reads. The part of which it knows cannot be made, or the plan does not
/// work on it: then the whole judges.
#[test]
fn a_part_that_does_not_do_is_followed_by_the_whole() {
    let reading = |language: &str, body: &str| {
        format!(
            "CREATE TABLE rates(n integer);
            CREATE FUNCTION most() RETURNS integer LANGUAGE {language} IMMUTABLE AS '{body}';
            CREATE TABLE t(id integer PRIMARY KEY); CREATE TABLE beside(id integer PRIMARY KEY);"
        )
    };
    let in_sql = reading("sql", "SELECT max(n) FROM public.rates") + "CREATE INDEX t_most ON t ((id + most()))";
    let in_plpgsql = reading("plpgsql", "BEGIN RETURN (SELECT max(n) FROM public.rates); END");
    for (before, column) in [(in_sql, "b text"), (in_plpgsql, "b integer DEFAULT most()")] {
        let after = before.replace("t(id integer PRIMARY KEY)", &format!("t(id integer PRIMARY KEY, {column})"));
        let (_, to_place) = sent(&before, &after);
        let count = |name: &str| made(&to_place).iter().filter(|made| **made == name).count();
        assert!(count("t") > 1, "{column}: the part comes first: {to_place:#?}");
        assert_eq!((count("rates"), count("beside")), (1, 1), "{column}");
    }
}
