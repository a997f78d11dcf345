use std::fmt;

use hipflask::prelude::*;

#[derive(Debug)]
struct Refused;

struct Lost;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {}

#[errorhandler(Refused)]
async fn other(_error: &Lost) -> &'static str {
    "lost"
}

fn main() {}
