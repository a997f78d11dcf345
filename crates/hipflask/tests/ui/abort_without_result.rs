use hipflask::prelude::*;

#[get("/")]
async fn index() -> Html {
    abort!(404);
}

#[get("/secret/<int:n>")]
async fn secret(n: i64) -> Html {
    if n == 0 {
        abort!(403, "not {n}");
    }
    html!("<p>{n}")
}

fn main() {}
