use hipflask::prelude::*;

#[derive(Form)]
struct Slider {
    #[field(widget = "range")]
    volume: u8,
}

#[derive(Form)]
struct Color {
    #[field(widget = "color")]
    color: Option<String>,
}

#[derive(Form)]
struct Files {
    #[field(file_types(".png"))]
    picture: hipflask::http::Upload,
}

#[derive(Form)]
struct Date {
    #[field(widget = "date")]
    day: bool,
    #[field(ticked)]
    name: String,
}

#[derive(Form)]
struct Pattern {
    #[field(pattern = "[A-Z]+")]
    code: String,
}

#[derive(Form)]
struct Longest {
    #[field(maxlength = 80)]
    code: String,
}

#[derive(Form)]
struct Several {
    #[field(multiple)]
    code: String,
}

fn main() {}
