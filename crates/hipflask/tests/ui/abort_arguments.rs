use hipflask::prelude::*;

#[get("/none")]
async fn none() -> Result<Html> {
    abort!()
}

#[get("/text/description")]
async fn description() -> Result<Html> {
    let why = String::from("closed");
    abort!(503, why)
}

fn main() {}
