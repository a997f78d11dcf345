use hipflask::prelude::*;

#[get("/", crate = "hipflask")]
async fn index() -> &'static str {
    "index"
}

#[derive(Form)]
#[form(name = "post")]
struct Post {
    title: String,
}

fn main() {
    App::new("app", ".").routes(routes![index]);
}
