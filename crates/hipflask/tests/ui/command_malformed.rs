use hipflask::cli::command;
use hipflask::prelude::*;

#[command(init_db)]
fn name_without_quotes() {}

#[command("a", "b")]
fn two_names() {}

#[command]
struct NotAFunction;

#[command]
fn flag_by_its_place(force: bool) {}

#[command]
fn option_that_does_not_exist(#[option(long = "count")] count: u8) {}

#[command]
fn letter_of_an_argument(#[argument(short = 'n')] name: String) {}

#[command]
fn word_as_a_letter(#[option(short = "n")] name: String) {}

#[command]
fn default_of_what_may_be_missing(#[option(default = 5)] count: Option<u8>) {}

#[command]
fn counted_text(#[option(count)] verbose: String) {}

#[command]
fn both(#[option] #[argument] name: String) {}

#[command]
fn twice(#[option(env = "A", env = "B")] name: String) {}

#[command]
fn choices_without_any(#[option(one_of)] name: String) {}

#[command]
fn range_of_a_flag(#[option(range(0..1))] yes: bool) {}

#[command]
fn without_a_name(#[option] (a, b): (u8, u8)) {}

#[command]
fn borrowed(name: &str) {}

#[command]
fn generic<T>(#[option] count: T) {}

fn app() -> App {
    app!().command(flag_by_its_place).command(borrowed)
}

fn main() {}
