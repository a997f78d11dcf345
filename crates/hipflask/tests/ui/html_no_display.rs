use hipflask::prelude::*;

struct Post;

fn pages(post: Post, name: Option<String>, list: Vec<Html>) {
    let _ = html!("<p>{post}");
    let _ = html!("<p>{name}");
    let _ = html!("<ul>{}</ul>", list);
}

fn main() {}
