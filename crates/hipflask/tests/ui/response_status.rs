use hipflask::prelude::*;

fn responses() {
    let _ = Response::new("x").with_status("404");
    let _ = HttpError::new("404");
}

fn main() {}
