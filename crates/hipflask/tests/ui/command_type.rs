use hipflask::cli::command;
use hipflask::prelude::*;

struct Colour;

#[command]
async fn config_that_is_typed(#[option] config: Config) {
    let _ = config;
}

#[command]
async fn type_of_my_own(#[argument] colour: Colour) {
    let _ = colour;
}

#[command]
async fn not_found_by_type(colour: Colour) {
    let _ = colour;
}

#[command]
async fn range_of_another_type(#[option(range(1..=5))] ratio: f64) {
    let _ = ratio;
}

fn main() {}
