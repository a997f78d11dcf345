use hipflask::prelude::*;

fn plain() {}

#[get("/")]
async fn index() -> hipflask::helpers::Redirect {
    redirect(url_for!(plain))
}

#[get("/also")]
async fn also() -> hipflask::helpers::Redirect {
    redirect(url_for!(shwo, id = 5))
}

fn main() {}
