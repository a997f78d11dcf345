use hipflask::prelude::*;

fn check() -> std::result::Result<(), String> {
    Err("no".to_owned())
}

#[get("/")]
async fn index() -> Result<&'static str> {
    check()?;
    Ok("fine")
}

fn main() {}
