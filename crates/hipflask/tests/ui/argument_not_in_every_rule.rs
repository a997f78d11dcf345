use hipflask::prelude::*;

#[get("/posts")]
#[get("/posts/page/<int:page>")]
async fn posts(page: u32) -> String {
    page.to_string()
}

fn main() {}
