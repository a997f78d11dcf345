//! The pages of the book: whether all of them are run, quote their files faithfully, and add the crates they use.

use std::fs;
use std::path::Path;

/// A block of code on a page.
struct Block {
    page: String,
    line: usize,
    language: String,
    /// The file that is named right above it.
    file: Option<String>,
    text: String,
}

fn book() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The names and texts of the pages.
fn pages() -> Vec<(String, String)> {
    let entries = fs::read_dir(book()).expect("the book is here").map(|entry| entry.expect("readable").path());
    let pages = entries.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let read = |path: &Path| fs::read_to_string(path).expect("a page is text");
    pages.map(|path| (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), read(&path))).collect()
}

fn blocks(page: &str, text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let (mut inside, mut above) = (false, "");
    for (number, line) in text.lines().enumerate() {
        match (inside, line.strip_prefix("```")) {
            (true, Some(_)) => (inside, above) = (false, ""),
            (true, None) => blocks.last_mut().expect("one was begun").text += &format!("{line}\n"),
            (false, Some(language)) => {
                let name = above.strip_prefix('`').and_then(|name| name.strip_suffix('`'));
                let file = name.filter(|name| name.contains('/') && !name.contains(['`', ' '])).map(str::to_owned);
                let (page, language) = (page.to_owned(), language.to_owned());
                blocks.push(Block { page, line: number + 1, language, file, text: String::new() });
                inside = true;
            }
            (false, None) if !line.is_empty() => above = line,
            (false, None) => {}
        }
    }
    blocks
}

/// A page names files of the workspace, or of the book's own `templates` and `static`.
fn read_quoted(file: &str) -> Option<String> {
    let folders = [book().parent()?, book()];
    folders.iter().find_map(|folder| fs::read_to_string(folder.join(file)).ok())
}

#[test]
fn every_page_is_run() {
    let list = include_str!("../src/lib.rs");
    let pages = pages();
    assert!(pages.iter().any(|(name, _)| name == "tutorial.md"), "the pages are found");
    for (page, _) in pages {
        assert!(list.contains(&format!("\"../{page}\"")), "{page} is not among the pages in src/lib.rs");
    }
}

#[test]
fn what_is_quoted_is_in_the_file() {
    let blocks: Vec<Block> = pages().iter().flat_map(|(page, text)| blocks(page, text)).collect();
    let quoted = blocks.iter().filter_map(|block| Some((block, block.file.as_ref()?)));
    let mut pages_that_quote = Vec::new();
    for (Block { page, line, text, .. }, file) in quoted {
        let source = read_quoted(file).unwrap_or_else(|| panic!("{page}:{line} quotes {file}, which is not there"));
        assert!(!text.trim().is_empty(), "{page}:{line} quotes nothing of {file}");
        assert!(source.contains(text.as_str()), "{page}:{line} is not in {file} any more:\n{text}");
        pages_that_quote.push(page.as_str());
    }
    assert!(["quickstart.md", "tutorial.md"].iter().all(|page| pages_that_quote.contains(page)));
}

/// Rust that is neither run nor compared with a file could say anything.
#[test]
fn rust_is_run_or_quoted() {
    for Block { page, line, language, file, .. } in pages().iter().flat_map(|(page, text)| blocks(page, text)) {
        let ignored = language.starts_with("rust") && language.contains("ignore");
        assert!(!ignored || file.is_some(), "{page}:{line} is ignored, and names no file above it");
    }
}

/// This package has every crate that a page needs, so its documentation tests cannot notice that a reader lacks one.
#[test]
fn a_page_adds_the_crates_that_its_programs_use() {
    let manifest = include_str!("../Cargo.toml");
    let dependencies = manifest.split("[dependencies]\n").nth(1).and_then(|text| text.split("\n[").next());
    let names = dependencies.expect("this package has some").lines().filter_map(|line| line.split(['.', ' ']).next());
    // Every page builds upon the program of the quickstart, which has the framework itself.
    let names: Vec<&str> = names.filter(|name| !["", "hipflask"].contains(name)).collect();
    let mut used = 0;
    for (page, text) in pages() {
        let lines = text.split("cargo add ").skip(1).map(|rest| rest.split(['\n', '`']).next().unwrap_or_default());
        let added: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
        for Block { line, text, .. } in blocks(&page, &text).iter().filter(|block| block.language.starts_with("rust")) {
            for name in names.iter().filter(|name| text.contains(&format!("{}::", name.replace('-', "_")))) {
                let is_added = added.iter().any(|word| word.rsplit('/').next() == Some(name));
                assert!(is_added, "{page}:{line} uses {name}, which the page does not add with `cargo add`");
                assert!(!text.contains("derive(serde") || added.contains(&"derive"), "{page}:{line}: serde's feature");
                used += 1;
            }
        }
    }
    assert!(used > 10, "uses of these crates are found: {used}");
}
