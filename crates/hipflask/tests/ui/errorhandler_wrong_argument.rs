use std::fmt;

use hipflask::prelude::*;

#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {}

#[errorhandler(Refused)]
async fn owned(error: Refused) -> String {
    error.to_string()
}

#[errorhandler(404)]
async fn number(code: u16) -> String {
    code.to_string()
}

fn main() {}
