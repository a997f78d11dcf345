use hipflask::prelude::*;

fn plain() {}

#[get("/")]
async fn index() -> hipflask::Redirect {
    redirect(url_for!(plain))
}

#[get("/also")]
async fn also() -> hipflask::Redirect {
    redirect(url_for!(shwo, id = 5))
}

fn main() {}
