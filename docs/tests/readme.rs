//! The programs of README.md are those in `programs/`, where they are tested.

const README: &str = include_str!("../../README.md");

/// The blocks of README.md in this language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let after = README.split(fence.as_str()).skip(1);
    after.map(|text| text.split("```").next().unwrap_or_default()).collect()
}

#[test]
fn its_programs_are_tested() {
    let programs = [include_str!("programs/hello.rs"), include_str!("programs/guestbook/main.rs")];
    let blocks = blocks("rust");
    assert_eq!(blocks.len(), programs.len());
    for (block, program) in blocks.iter().zip(programs) {
        assert!(program.contains(block), "this is not in its file any more:\n{block}");
    }
}

#[test]
fn its_template_is_the_one_that_is_rendered() {
    assert_eq!(blocks("html"), [include_str!("programs/guestbook/templates/guestbook.html")]);
}

#[test]
fn links_lead_somewhere() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the book is in the workspace");
    let pages = [
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "docs/configuration.md",
        "docs/deployment.md",
        "docs/errors.md",
        "docs/extensions.md",
        "docs/from-flask.md",
    ];
    let (mut checked, mut broken) = (0, Vec::new());
    for page in pages {
        let path = root.join(page);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{page}: {error}"));
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap_or_default()) {
            let file = link.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            checked += 1;
            let target = path.parent().expect("a page is in a folder").join(file);
            if !target.exists() {
                broken.push(format!("{page} links to {file}"));
            }
        }
    }
    assert!(checked > 30, "links are found: {checked}");
    assert!(broken.is_empty(), "{broken:#?}");
}
