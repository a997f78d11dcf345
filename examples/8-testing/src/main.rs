//! A note book: the application under test. `tests.rs` is what this example is about; read that.
//!
//! `cargo test -p testing` runs the tests; `cargo run -p testing` serves the note book on <http://127.0.0.1:5000>.

#[cfg(test)]
mod tests;

use std::sync::{Mutex, PoisonError};

use hipflask::FromContext;
use hipflask::http::Cookie;
use hipflask::prelude::*;

/// The notes of all users: name and text.
#[derive(Default)]
struct Notes(Mutex<Vec<(String, String)>>);

impl Notes {
    fn of(&self, name: &str) -> Vec<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|(owner, _)| owner == name).map(|(_, text)| text.clone()).collect()
    }

    fn add(&self, name: &str, text: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((name.to_owned(), text));
    }
}

/// The user of this request. Without a name in the session, the view is left for the login page.
struct Reader(String);

impl FromContext for Reader {
    async fn from_context(ctx: &mut Context) -> Result<Reader> {
        match ctx.session().get("name") {
            Some(name) => Ok(Reader(name)),
            None if ctx.request().accept().prefers_json() => abort!(401, "Log in first."),
            None => Err(redirect(url_for!(login)).into_reply().into()),
        }
    }
}

fn notes_in(ctx: &Context) -> Result<&Notes> {
    ctx.state().ok_or_else(|| Error::msg("the application was made without notes"))
}

#[derive(Form)]
struct NewNote {
    #[field(label = "Text", length(1..=200))]
    text: String,
}

#[route("/", methods = [GET, POST])]
async fn notes(ctx: &mut Context, form: Form<NewNote>, reader: Reader) -> Result<Reply> {
    match form.into_valid() {
        Ok(note) => {
            notes_in(ctx)?.add(&reader.0, note.text);
            ctx.session().flash("Noted.");
            Ok(redirect(url_for!(notes)).into_reply())
        }
        Err(form) => {
            let notes = notes_in(ctx)?.of(&reader.0);
            Ok(render_template!("notes.html", notes, name = reader.0, form).into_reply())
        }
    }
}

#[derive(Form)]
struct Name {
    name: String,
}

#[route("/login", methods = [GET, POST])]
async fn login(form: Form<Name>, session: Session) -> Result<Reply> {
    let Some(Name { name }) = form.valid() else {
        return Ok(render_template!("login.html", form).into_reply());
    };
    session.set("name", name);
    let mut reply = redirect(url_for!(notes)).into_reply();
    reply.set_cookie(&Cookie::new("last_name", name).http_only(true))?;
    Ok(reply)
}

#[get("/notes.json")]
async fn as_json(ctx: &mut Context, reader: Reader) -> Result<Json<Vec<String>>> {
    Ok(Json(notes_in(ctx)?.of(&reader.0)))
}

#[derive(serde::Deserialize)]
struct Imported {
    notes: Vec<String>,
}

#[post("/notes.json")]
async fn import(ctx: &mut Context, imported: Json<Imported>, reader: Reader) -> Result<Status> {
    imported.0.notes.into_iter().try_for_each(|text| notes_in(ctx).map(|notes| notes.add(&reader.0, text)))?;
    Ok(Status::CREATED)
}

#[get("/notes/<int:number>")]
async fn note(ctx: &mut Context, number: usize, reader: Reader) -> Result<String> {
    notes_in(ctx)?.of(&reader.0).into_iter().nth(number).or_404()
}

#[hipflask::main]
fn app() -> App {
    app!().insert_state(Notes::default()).routes(routes![notes, login, as_json, import, note])
}
