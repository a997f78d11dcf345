use hipflask::prelude::*;

struct Post {
    title: &'static str,
}

fn templates(post: Post) {
    let _ = render_template!();
    let _ = render_template!("post.html", "Hello");
    let _ = render_template!("post.html", post.title);
    let _ = render_template!("post.html", &post.title);
    let _ = render_template!("post.html", title: "Hello");
    let _ = render_template!("post.html" title = "Hello");
    let _ = render_template!(post.html);
}

fn main() {}
