use hipflask::prelude::*;

#[get("/<int:id>/comments/<int:id>")]
async fn comment(id: i64) -> String {
    id.to_string()
}

fn main() {}
