//! Migrations: once each, in order, whole or not at all.

use hipflask_sql::sqlx;

use crate::database::{Database, db_of};

async fn start(database: &Database) -> Result<(), String> {
    let app = database.app().freeze().map_err(|errors| errors.to_string())?;
    let started = app.start().await.map_err(|error| error.to_string());
    app.stop().await.expect("it stops");
    started
}

const STEPS: &str = "SELECT COUNT(*) FROM step";

on_both! {
    async fn files_run_once_in_the_order_of_their_numbers(database) {
        database.migration("0010_third.sql", "INSERT INTO step VALUES ('third');");
        database.migration("0001_first_step.sql", "CREATE TABLE step (name TEXT);\n-- a comment; with a semicolon\nINSERT INTO step VALUES ('first');");
        database.migration("2_second.sql", "INSERT INTO step VALUES ('second; really');");
        database.migration("readme.txt", "not for the database");
        for _ in 0..3 {
            let db = database.db().await;
            let steps: Vec<(String,)> = db.query("SELECT name FROM step").all().await.unwrap();
            assert_eq!(steps, ["first", "second; really", "third"].map(|name| (name.to_owned(),)));
        }
        database.migration("0011_fourth.sql", "INSERT INTO step VALUES ('fourth')");
        start(database).await.unwrap();
        assert_eq!(database.number(STEPS).await, 4);
    }

    async fn a_file_can_be_for_one_kind_of_database(database) {
        database.migration("0001_step.sqlite.sql", "CREATE TABLE step (name TEXT); INSERT INTO step VALUES ('sqlite');");
        database.migration("0001_step.postgres.sql", "CREATE TABLE step (name TEXT); INSERT INTO step VALUES ('postgres');");
        let db = database.db().await;
        let name: String = db.query("SELECT name FROM step").scalar().await.unwrap();
        assert_eq!(name, database.either("sqlite", "postgres"));
    }

    async fn a_file_that_has_changed_is_refused(database) {
        database.migration("0001_step.sql", "CREATE TABLE step (name TEXT)");
        start(database).await.unwrap();
        database.migration("0001_step.sql", "CREATE TABLE step (title TEXT)");
        let error = start(database).await.unwrap_err();
        assert!(error.ends_with("the migration `0001_step.sql` has changed since it ran; restore it and put the change into a new one"), "{error}");
        database.migration("0001_step.sql", "CREATE TABLE step (name TEXT)");
        start(database).await.unwrap();
    }

    async fn a_file_whose_line_ends_have_changed_is_the_same(database) {
        let plain = "CREATE TABLE step (\n  name TEXT\n);\n";
        let (crlf, bom) = (plain.replace('\n', "\r\n"), format!("\u{feff}{plain}"));
        for text in [plain, &crlf, plain.trim_end(), &format!("{plain}\n\n"), &bom, &format!("\u{feff}{crlf}")] {
            database.migration("0001_step.sql", text);
            start(database).await.unwrap();
        }
        database.migration("0001_step.sql", "CREATE TABLE step (name  TEXT);");
        assert!(start(database).await.unwrap_err().contains("has changed since it ran"));
    }

    /// Earlier versions took the checksum of the file's bytes.
    async fn a_checksum_of_the_bytes_is_known_too(database) {
        let plain = "CREATE TABLE step (\n  name TEXT\n);\n\n";
        database.migration("0001_step.sql", plain);
        start(database).await.unwrap();
        let db = database.db().await;
        for text in [plain.to_owned(), plain.trim_end().replace('\n', "\r\n"), format!("\u{feff}{}", plain.trim_end())] {
            let sql = sqlx::AssertSqlSafe(text.clone());
            let old = sqlx::migrate::Migration::new(1, "".into(), sqlx::migrate::MigrationType::Simple, sqlx::SqlSafeStr::into_sql_str(sql), false);
            db.query("UPDATE hipflask_migration SET checksum = ?").bind(old.checksum.to_vec()).execute().await.unwrap();
            start(database).await.unwrap_or_else(|error| panic!("{text:?}: {error}"));
        }
    }

    async fn an_error_of_the_commit_names_the_file(database) {
        database.migration("0001_late.sql", "CREATE TABLE a (id INTEGER PRIMARY KEY);\nCREATE TABLE b (a INTEGER REFERENCES a DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO b VALUES (7);");
        let error = start(database).await.unwrap_err();
        assert!(error.contains("the migration `0001_late.sql` failed and was undone: "), "{error}");
        assert!(error.to_lowercase().contains("foreign key"), "{error}");
    }

    async fn a_database_of_a_newer_program_is_refused(database) {
        database.migration("0001_step.sql", "CREATE TABLE step (name TEXT)");
        database.migration("0002_next.sql", "CREATE TABLE next (name TEXT)");
        start(database).await.unwrap();
        std::fs::remove_file(database.path().join("migrations/0002_next.sql")).unwrap();
        let error = start(database).await.unwrap_err();
        assert!(error.contains("the database has run the migration 0002, which is not among the files; it is newer than the program"), "{error}");
    }

    async fn a_migration_that_fails_is_undone_and_named_with_its_statement(database) {
        database.migration("0001_step.sql", "CREATE TABLE step (name TEXT UNIQUE)");
        let broken = "INSERT INTO step VALUES ('a');\nCREATE TABLE half (name TEXT);\nINSERT INTO step\n  VALUES ('a');\nINSERT INTO step VALUES ('b');";
        database.migration("0002_broken_one.sql", broken);
        database.migration("0003_later.sql", "CREATE TABLE later (name TEXT)");
        for _ in 0..2 {
            let error = start(database).await.unwrap_err();
            let said = "the migration `0002_broken_one.sql` failed at `INSERT INTO step VALUES ('a');` and was undone: ";
            assert!(error.contains(said), "{error}");
            assert!(error.to_lowercase().contains("unique"), "{error}");
            assert_eq!(database.number(STEPS).await, 0, "nothing of it stays");
        }
        database.migration("0002_broken_one.sql", "INSERT INTO step VALUES ('a'); CREATE TABLE half (name TEXT);");
        start(database).await.unwrap();
        assert_eq!(database.number("SELECT (SELECT COUNT(*) FROM step) + (SELECT COUNT(*) FROM half) + (SELECT COUNT(*) FROM later)").await, 1);
    }

    async fn a_mistake_in_the_syntax_is_named_too(database) {
        database.migration("0001_typo.sql", "CREATE TABLE step (name TEXT);\nCREATE TABEL next (name TEXT);");
        let error = start(database).await.unwrap_err();
        assert!(error.contains("`0001_typo.sql` failed at `CREATE TABEL next (name TEXT);`"), "{error}");
        assert!(error.contains("syntax error") && error.contains("TABEL"), "{error}");
    }

    async fn an_application_that_failed_to_migrate_keeps_no_other_waiting(database) {
        database.migration("0001_broken.sql", "CREATE TABLE step (name TEXT); SELECT no_such_column;");
        let waiting = database.app().freeze().unwrap();
        waiting.start().await.unwrap_err();
        database.migration("0001_broken.sql", "CREATE TABLE step (name TEXT);");
        let started = tokio::time::timeout(std::time::Duration::from_secs(10), start(database)).await;
        started.expect("the lock was given back").unwrap();
        drop(waiting);
    }

    async fn many_can_start_at_once(database) {
        let script = "CREATE TABLE step (name TEXT); INSERT INTO step VALUES ('once');";
        database.migration("0001_step.sql", script);
        for number in 2..=5 {
            database.migration(&format!("000{number}_more.sql"), "INSERT INTO step VALUES ('once')");
        }
        let apps: Vec<_> = (0..8).map(|_| database.app().freeze().unwrap()).collect();
        let starts: Vec<_> = apps.iter().cloned().map(|app| tokio::spawn(async move { app.start().await })).collect();
        for start in starts {
            start.await.unwrap().unwrap();
        }
        assert_eq!(database.number(STEPS).await, 5);
        assert_eq!(database.number("SELECT COUNT(*) FROM hipflask_migration").await, 5);
    }
}

#[hipflask::test]
async fn files_that_cannot_be_told_apart_are_found_when_the_application_is_frozen() {
    for (files, said) in [
        (&["first.sql"][..], "the migration `first.sql` has no number; name it like `0001_create_post.sql`"),
        (&["0001_a.sql", "1_b.sql"], "the migrations `0001_a.sql` and `1_b.sql` have the same number 1"),
        (
            &["0001_a.sql", "0001_b.sqlite.sql"],
            "the migrations `0001_a.sql` and `0001_b.sqlite.sql` have the same number 1",
        ),
    ] {
        let database = Database::sqlite();
        files.iter().for_each(|name| database.migration(name, "SELECT 1"));
        let errors = database.app().freeze().unwrap_err().to_string();
        assert!(errors.contains(said), "{errors}");
    }
    let database = Database::sqlite();
    database.migration("0001_a.postgres.sql", "SELECT 1");
    database.migration("0001_b.sqlite.sql", "SELECT 1");
    start(&database).await.unwrap();
    std::fs::write(database.path().join("migrations/0002_c.sql"), b"\xff").unwrap();
    assert!(start(&database).await.unwrap_err().contains("0002_c.sql cannot be read"));
}

#[hipflask::test]
async fn migrations_inside_the_binary_are_run() {
    use hipflask::extension::EmbeddedFile;
    const FILES: &[EmbeddedFile] = &[
        EmbeddedFile { name: "0001_step.sql", content: b"CREATE TABLE step (name TEXT)" },
        EmbeddedFile { name: "notes.txt", content: b"" },
    ];
    let database = Database::sqlite();
    let db = db_of(database.app().embed("migrations", FILES)).await;
    assert_eq!(db.query(STEPS).scalar::<i64>().await.unwrap(), 0);
}

const AUTHORS: &str = "CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE post (id INTEGER PRIMARY KEY, author_id INTEGER REFERENCES author (id) ON DELETE CASCADE);
INSERT INTO author VALUES (1, 'ada'), (2, 'bob');
INSERT INTO post VALUES (10, 1), (11, 1), (12, 2);";

const REBUILT: &str = "CREATE TABLE author_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
INSERT INTO author_new SELECT id, name FROM author;
-- Its place is free.
DROP TABLE author;
ALTER TABLE author_new RENAME TO author;";

/// The way that SQLite's own documentation shows.
#[hipflask::test]
async fn a_table_that_others_refer_to_can_be_rebuilt_on_sqlite() {
    for action in
        ["", "ON DELETE CASCADE", "ON DELETE SET NULL", "ON DELETE RESTRICT", "ON DELETE CASCADE ON UPDATE CASCADE"]
    {
        let database = Database::sqlite();
        database.migration("0001_author.sql", &AUTHORS.replace("ON DELETE CASCADE", action));
        start(&database).await.unwrap();
        database.migration("0002_name.sql", REBUILT);
        let db = database.db().await;
        let posts: Vec<(i64, i64)> = db.query("SELECT id, author_id FROM post ORDER BY id").all().await.unwrap();
        assert_eq!(posts, [(10, 1), (11, 1), (12, 2)], "{action}");
        db.query("INSERT INTO author VALUES (3, NULL)").execute().await.expect_err("the new table");
        assert_eq!(db.query("PRAGMA foreign_keys").scalar::<i64>().await.unwrap(), 1);
        db.query("INSERT INTO post VALUES (13, 99)").execute().await.expect_err("foreign keys are on");
    }
}

#[hipflask::test]
async fn a_rebuilt_table_that_lost_rows_is_refused() {
    let database = Database::sqlite();
    database.migration("0001_author.sql", AUTHORS);
    start(&database).await.unwrap();
    database.migration("0002_name.sql", &REBUILT.replace("FROM author;", "FROM author WHERE id = 1;"));
    let error = start(&database).await.unwrap_err();
    assert!(error.contains("the migration `0002_name.sql` failed and was undone: "), "{error}");
    assert!(error.contains("the row 12 of `post` refers to a row of `author` that would not exist"), "{error}");
    assert_eq!(database.number("SELECT COUNT(*) FROM author").await, 2, "nothing of it stays");
    database.migration(
        "0002_name.sql",
        &format!(
            "DELETE FROM post WHERE author_id = 2;\n{}",
            REBUILT.replace("FROM author;", "FROM author WHERE id = 1;")
        ),
    );
    start(&database).await.unwrap();
    assert_eq!(database.number("SELECT COUNT(*) FROM post").await, 2);
}

/// A database of a program that never looked at its foreign keys, as many of Flask-SQLAlchemy's are.
#[hipflask::test]
async fn rows_that_referred_to_nothing_before_keep_no_table_from_being_rebuilt() {
    let database = Database::sqlite();
    database.migration("0001_author.sql", AUTHORS);
    start(&database).await.unwrap();
    let path = format!("sqlite://{}", database.path().join("test.sqlite").display());
    let mut other = <sqlx::SqliteConnection as sqlx::Connection>::connect(&path).await.unwrap();
    sqlx::query("PRAGMA foreign_keys = OFF").execute(&mut other).await.unwrap();
    sqlx::query("INSERT INTO post VALUES (20, 99)").execute(&mut other).await.unwrap();
    database.migration("0002_name.sql", REBUILT);
    start(&database).await.unwrap();
    assert_eq!(database.number("SELECT COUNT(*) FROM post").await, 4);
}

/// Where no table is dropped, foreign keys act as ever.
#[hipflask::test]
async fn foreign_keys_act_in_other_migrations() {
    let database = Database::sqlite();
    database.migration("0001_author.sql", AUTHORS);
    database.migration("0002_bob.sql", "DELETE FROM author WHERE name = 'bob'");
    start(&database).await.unwrap();
    assert_eq!(database.number("SELECT COUNT(*) FROM post").await, 2);
}

/// A trigger has statements inside; so has a function in PostgreSQL's own language.
#[hipflask::test]
async fn a_trigger_is_one_statement_on_sqlite() {
    let database = Database::sqlite();
    let trigger = "CREATE TABLE step (name TEXT, size INT);\nCREATE TRIGGER measure AFTER INSERT ON step BEGIN\n UPDATE step SET size = length(name);\n END;\nINSERT INTO step (name) VALUES ('four');\nSELECT no_such_column;";
    database.migration("0001_step.sql", trigger);
    assert!(start(&database).await.unwrap_err().contains("failed at `SELECT no_such_column;`"));
}

#[hipflask::test]
#[ignore = "needs PostgreSQL, which `cargo xtask test` starts"]
async fn a_function_is_one_statement_on_postgresql() {
    let database = Database::postgres().await;
    let function = "CREATE FUNCTION one() RETURNS int AS $$ BEGIN RETURN 1; END; $$ LANGUAGE plpgsql;\nSELECT one();\nSELECT no_such_column;";
    database.migration("0001_step.sql", function);
    assert!(start(&database).await.unwrap_err().contains("failed at `SELECT no_such_column;`"));
}
