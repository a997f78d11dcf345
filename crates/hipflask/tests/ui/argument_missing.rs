use hipflask::prelude::*;

#[get("/<user>/posts/<int:id>")]
async fn post(user: String) -> String {
    user
}

fn main() {}
