//! The command `db`.

use hipflask::Frozen;

use crate::database::Database;

async fn db(app: &Frozen, subcommand: &str) -> String {
    app.run_command("db", [subcommand]).await.unwrap_or_else(|error| format!("Error: {error}"))
}

on_both! {
    async fn status_lists_and_upgrade_runs(database) {
        let app = database.app().freeze().unwrap();
        assert_eq!(db(&app, "status").await, "There are no migrations.");
        database.migration("0001_create_step.sql", "CREATE TABLE step (name TEXT)");
        database.migration("0002_more.sql", "INSERT INTO step VALUES ('more')");
        let app = database.app().freeze().unwrap();
        for _ in 0..2 {
            assert_eq!(db(&app, "status").await, "open  0001  create step\nopen  0002  more", "to look is not to run");
        }
        assert_eq!(db(&app, "upgrade").await, "The database is up to date.");
        assert_eq!(db(&app, "upgrade").await, "The database is up to date.");
        assert_eq!(db(&app, "status").await, "done  0001  create step\ndone  0002  more");
        assert_eq!(database.number("SELECT COUNT(*) FROM step").await, 1);
    }

    async fn status_shows_what_is_left_after_a_failure(database) {
        database.migration("0001_create_step.sql", "CREATE TABLE step (name TEXT)");
        database.migration("0002_broken.sql", "CREATE TABEL x (name TEXT)");
        let app = database.app().freeze().unwrap();
        assert!(db(&app, "upgrade").await.contains("`0002_broken.sql` failed"));
        assert_eq!(db(&app, "status").await, "done  0001  create step\nopen  0002  broken");
        assert!(app.start().await.is_err(), "the application itself does not start");
    }
}

#[hipflask::test]
async fn an_unknown_subcommand_is_reported() {
    let database = Database::sqlite();
    let app = database.app().freeze().unwrap();
    assert_eq!(db(&app, "downgrade").await, "Error: No such command 'downgrade'. Did you mean 'upgrade'?");
    assert!(!database.path().join("test.sqlite").exists(), "nothing was made for that");
}
