//! Renames answered by the program's own rule.
//!
//! A column that is gone and a column that is new may be one and the same, and only somebody who knows can say so.
//! Whimbrel asks. Here a list that the team keeps beside its schema answers; what it does not know stays open.
//!
//! `cargo run --example custom_resolver`
#![expect(clippy::print_stdout, reason = "the output is what the example is for")]

use std::collections::HashMap;
use std::error::Error;

use rusqlite::Connection;
use whimbrel::{Answer, Code, Planner, Question, Schema};

const DATABASE: &str = "
  CREATE TABLE birds(id INTEGER PRIMARY KEY, name TEXT, wing INTEGER, seen TEXT);
  INSERT INTO birds(name, wing, seen) VALUES ('Whimbrel', 82, '2026-04-28'), ('Curlew', 94, '2026-05-02');
  CREATE TABLE places(id INTEGER PRIMARY KEY, label TEXT);
  INSERT INTO places(label) VALUES ('Texel');
";

const SCHEMA: &str = "
  CREATE TABLE species(id INTEGER PRIMARY KEY, name TEXT, wingspan_cm INTEGER, seen TEXT);
  CREATE TABLE places(id INTEGER PRIMARY KEY, title TEXT);
";

fn main() -> Result<(), Box<dyn Error>> {
    let mut db = Connection::open_in_memory()?;
    db.execute_batch(DATABASE)?;
    let schema = Schema::from_sql(SCHEMA)?;

    // By key, what each thing is called now. Keys are the same from run to run, so they can be kept in a file.
    let mut known = HashMap::from([("table:birds", "species"), ("column:birds.wing", "wingspan_cm")]);
    let ask = |known: &HashMap<&str, &str>, question: &Question| -> Option<Answer> {
        let answer = known.get(question.key().as_str()).map(|name| Answer::Rename((*name).to_owned()));
        println!(
            "  {} → {:?}? {}",
            question.key(),
            question.candidates,
            match &answer {
                Some(Answer::Rename(name)) => format!("renamed to {name}"),
                Some(Answer::DropAndAdd) => "dropped, and the new one is new".to_owned(),
                None => "not known".to_owned(),
            }
        );
        answer
    };

    println!("The first plan:");
    let plan = Planner::new(&schema).resolver(|question| ask(&known, question)).plan(&mut db)?;
    let refused = plan.run(&mut db).err().ok_or("it ran with an open question")?;
    assert_eq!(refused.code(), Code::QuestionOpen);
    println!("\n  {refused}\n");

    println!("Somebody looks, and adds one line to the list. The second plan:");
    known.insert("column:places.label", "title");
    let plan = Planner::new(&schema).resolver(|question| ask(&known, question)).plan(&mut db)?;
    println!("\n{plan}");
    plan.run(&mut db)?;

    let mut rows = db.prepare("SELECT name, wingspan_cm, seen FROM species")?;
    let rows = rows.query_map([], |row| {
        Ok(format!("{} {} {}", row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?))
    })?;
    for row in rows {
        println!("  {}", row?);
    }
    let title: String = db.query_row("SELECT title FROM places", [], |row| row.get(0))?;
    println!("  {title}");
    Ok(())
}
