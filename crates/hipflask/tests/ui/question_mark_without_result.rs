use hipflask::prelude::*;

#[get("/<number>")]
async fn index(number: String) -> String {
    let number: i64 = number.parse()?;
    number.to_string()
}

fn main() {}
