use hipflask::prelude::*;

#[get("/")]
struct Index;

#[route("/mod")]
mod pages {}

fn main() {}
