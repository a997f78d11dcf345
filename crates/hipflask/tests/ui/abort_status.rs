use hipflask::prelude::*;

#[get("/text")]
async fn text() -> Result<Html> {
    abort!("404")
}

#[get("/fine")]
async fn fine() -> Result<Html> {
    abort!(200)
}

#[get("/redirect")]
async fn moved() -> Result<Html> {
    abort!(302, "over there")
}

#[get("/typed")]
async fn typed() -> Result<Html> {
    let code: i32 = 404;
    abort!(code)
}

fn main() {}
