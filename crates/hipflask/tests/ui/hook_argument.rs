use hipflask::prelude::*;

struct Database;

async fn load(_db: Database) {}

async fn number(_id: i64) {}

fn app() -> App {
    app!().before_request(load).before_request(number)
}

fn main() {}
