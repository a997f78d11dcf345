use hipflask::prelude::*;

async fn number() -> i32 {
    42
}

fn sync_number() -> i32 {
    42
}

async fn result() -> Result<bool> {
    Ok(true)
}

fn app() -> App {
    app!().before_request(number).before_request(sync_number).before_request(result)
}

fn main() {}
