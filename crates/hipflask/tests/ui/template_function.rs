use hipflask::prelude::*;

struct Post;

fn title(_post: Post) -> String {
    String::new()
}

fn app() -> App {
    app!().template_filter("title", title)
}

fn main() {}
