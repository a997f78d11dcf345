use hipflask::prelude::*;

struct Refused;

fn check() -> std::result::Result<(), Refused> {
    Err(Refused)
}

#[get("/")]
async fn index() -> Result<&'static str> {
    check()?;
    Ok("fine")
}

fn main() {}
