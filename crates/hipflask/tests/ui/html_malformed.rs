use hipflask::prelude::*;

fn pages(text: String) {
    let _ = html!();
    let _ = html!(text);
    let _ = html!("<style>p { color: red }</style>");
    let _ = html!("<p>{text");
    let _ = html!("<p>text}");
    let _ = html!("<p>{text.len()}");
    let _ = html!("<p>{} {}", text);
    let _ = html!("<p>", text);
    let _ = html!("<p>{x}", text = 5, x = 1);
    let _ = html!("<p>{}" text);
}

fn main() {}
