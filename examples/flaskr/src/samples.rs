//! `init-db`: clears the blog and adds sample posts.

use hipflask::cli::{Console, Exit, command};
use hipflask::prelude::*;
use hipflask_sql::prelude::*;

use crate::{auth, blog};

const POSTS: [(&str, &str); 12] = [
    (
        "Hello, world",
        "This blog is one binary. Its database is a file beside it.\n\nLog in as ada or grace; the password is “flaskr-demo”.",
    ),
    ("Routes by name", "A view asks for the values of its path by name and for everything else by type."),
    ("Templates", "The pages are Jinja templates. What comes out of a variable is escaped: <b>this is not bold</b>."),
    ("Forms", "A form that is wrong comes back with its values, and says beside each field what is wrong."),
    ("Sessions", "The session is a signed cookie: everybody can read it, nobody can change it."),
    ("Pictures", "A post can have a picture. Its type is what its bytes say, not what its name says."),
    ("Pages", "Five posts to a page, and links to the others."),
    ("Own posts only", "An author edits and deletes posts of their own. Somebody else's answer with 403."),
    ("An interface for programs", "GET /api/posts gives the posts as JSON."),
    ("Tests", "The tests drive the blog in memory, without a socket; a few drive it in a browser."),
    ("Dark and light", "The style sheet follows the device."),
    ("Deployment", "A release build holds templates, static files and migrations inside."),
];

/// Clear the blog and fill in sample posts.
///
/// All of it or nothing: what is in the blog stays if anything fails. In production it takes `--yes`, because the password
/// of the new authors is public.
#[command("init-db")]
pub async fn init_db(
    db: Db,
    config: Config,
    console: Console,
    /// How many posts there will be.
    #[option(short = 'n', default = POSTS.len(), range(0..=POSTS.len()))]
    posts: usize,
    /// Delete what authors have written without asking.
    #[option(short = 'y')]
    yes: bool,
) -> Result<String> {
    let authors: i64 = db.query("SELECT COUNT(*) FROM author").scalar().await?;
    if !yes && !config.debug() {
        return Err(Exit::usage("this adds two authors whose password is public; if you want that, add --yes").into());
    }
    if !yes && authors > 0 {
        console.confirm_or_abort("This deletes every author, post and comment. Go on?")?;
    }
    let mut db = db.begin().await?;
    for table in ["DELETE FROM comment", "DELETE FROM post", "DELETE FROM author"] {
        db.query(table).execute().await?;
    }
    let mut authors = Vec::new();
    for name in ["ada", "grace"] {
        authors.push(auth::add_author(&mut db, name, "flaskr-demo").await?);
    }
    for ((title, body), author) in POSTS[..posts].iter().rev().zip(authors.iter().cycle()) {
        let id = blog::add_post(&mut db, *author, title, body, None).await?;
        let reader = authors.iter().find(|reader| *reader != author).copied().unwrap_or(*author);
        blog::add_comment(&mut db, id, reader, "Good to know, thank you.").await?;
    }
    db.commit().await?;
    Ok(format!("The blog has {posts} posts by ada and grace; both log in with the password “flaskr-demo”."))
}
