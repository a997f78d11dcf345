use hipflask::prelude::*;

#[get("/")]
async fn index() -> Result<String> {
    let first = ["a"].first()?;
    Ok(first.to_string())
}

fn main() {}
