use hipflask::prelude::*;

mod blog {
    use hipflask::prelude::*;

    #[get("/")]
    async fn index() -> &'static str {
        "index"
    }
}

fn app() -> App {
    app!().routes(routes![blog::index])
}

fn main() {}
