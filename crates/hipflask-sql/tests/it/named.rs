//! Several databases of one application.

use hipflask::Frozen;
use hipflask::extension::EmbeddedFile;
use hipflask::prelude::*;
use hipflask_sql::prelude::*;

use crate::database::Database;

#[get("/")]
async fn both(db: Db, app: Frozen) -> Result<String> {
    let name = "SELECT name FROM place";
    let reports = Db::named(&app, "reports")?;
    Ok(format!("{} {}", db.query(name).scalar::<String>().await?, reports.query(name).scalar::<String>().await?))
}

/// Writes a migration of the second database.
fn migration(database: &Database, name: &str, sql: &str) {
    let folder = database.path().join("migrations/reports");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(name), sql).unwrap();
}

on_both! {
    async fn each_has_its_address_its_migrations_and_its_rows(database) {
        let other = Database::sqlite();
        database.migration("0001_place.sql", "CREATE TABLE place (name TEXT);\nINSERT INTO place VALUES ('first')");
        migration(database, "0001_place.sql", "CREATE TABLE place (name TEXT)");
        migration(database, "0002_row.sqlite.sql", "INSERT INTO place VALUES ('second')");
        migration(database, "0002_row.postgres.sql", "INSERT INTO place VALUES ('not this one')");
        let app = database.app().config("REPORTS_DATABASE_URL", format!("sqlite:///{}", other.path().join("r.sqlite").display()));
        let app = app.extend(Sql::named("reports")).routes(routes![both]).freeze().unwrap();
        let status = "open  0001  place\nreports:\nopen  0001  place\nopen  0002  row";
        assert_eq!(app.run_command("db", ["status"]).await.unwrap(), status);
        app.start().await.unwrap();
        assert_eq!(app.test_client().get("/").send().await.text(), "first second");
        assert_eq!(app.run_command("db", ["status"]).await.unwrap(), status.replace("open", "done"));
        assert_eq!(app.run_command("db", ["upgrade"]).await.unwrap(), "The databases are up to date.");
        app.stop().await.unwrap();
        let closed = Db::named(&app, "reports").unwrap().query("SELECT 1").execute().await;
        assert!(closed.is_err(), "the second is closed as well");
    }
}

#[hipflask::test]
async fn its_file_has_its_name_unless_it_is_told() {
    let database = Database::sqlite();
    let app = database.app().extend(Sql::named("reports")).freeze().unwrap();
    app.start().await.unwrap();
    assert!(database.path().join("reports.sqlite").exists() && database.path().join("test.sqlite").exists());
}

#[hipflask::test]
async fn migrations_inside_the_binary_are_told_apart() {
    const FILES: &[EmbeddedFile] = &[
        EmbeddedFile { name: "0001_place.sql", content: b"CREATE TABLE place (name TEXT)" },
        EmbeddedFile { name: "reports/0001_visit.sql", content: b"CREATE TABLE visit (path TEXT)" },
        EmbeddedFile { name: "reports_of_others/0001_other.sql", content: b"this is not read" },
    ];
    let app = Database::sqlite().app().config("DATABASE_URL", "sqlite:").config("REPORTS_DATABASE_URL", "sqlite:");
    let app = app.extend(Sql::named("reports")).embed("migrations", FILES).freeze().unwrap();
    assert_eq!(app.run_command("db", ["status"]).await.unwrap(), "open  0001  place\nreports:\nopen  0001  visit");
}

#[hipflask::test]
async fn what_does_not_exist_is_reported() {
    let database = Database::sqlite();
    let app = database.app().freeze().unwrap();
    for name in ["reports", ""] {
        let error = Db::named(&app, name).unwrap_err().to_string();
        let told =
            format!("no database has the name `{name}`; add `.extend(Sql::named(\"{name}\"))` to the application");
        assert_eq!(error, told);
    }
    let only_named = App::new("test", ".").config("REPORTS_DATABASE_URL", "sqlite:").extend(Sql::named("reports"));
    let errors = only_named.routes(routes![both]).freeze().unwrap_err().to_string();
    assert!(errors.contains("it takes `Db`, but no database was set up"), "{errors}");
    for (key, value) in [("REPORTS_DATABASE_URL", "reports.sqlite"), ("REPORTS_DATABASE_TIMEOUT", "0")] {
        let errors = database.app().extend(Sql::named("reports")).config(key, value).freeze().unwrap_err().to_string();
        assert!(errors.contains(value) || errors.contains(key), "{errors}");
    }
}

#[test]
#[should_panic(expected = "`My Reports` cannot be the name of a database")]
fn a_name_fits_into_a_configuration_key() {
    let _ = Sql::named("My Reports");
}
