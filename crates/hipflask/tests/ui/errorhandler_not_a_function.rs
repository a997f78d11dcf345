use hipflask::prelude::*;

#[errorhandler(404)]
struct Missing;

fn main() {}
