use hipflask::prelude::*;

struct Post;

fn responses() {
    let _ = Response::new(5);
    let _ = Response::new(Post);
}

fn main() {}
