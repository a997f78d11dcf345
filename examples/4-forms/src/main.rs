//! Registering for a workshop: a form with validation rules, an upload and flashed messages.
//!
//! `#[derive(Form)]` says what the fields are, how they look and what they must be. `form.valid()` gives the
//! values if all of them are valid; otherwise the template draws the form again, with what was typed and with each
//! message beside its field. After a success the browser is redirected, so a reload does not send anything twice,
//! and the next page shows the flashed message.
//!
//! `cargo run -p forms` serves it on <http://127.0.0.1:5000>.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use hipflask::DateTime;
use hipflask::Frozen;
use hipflask::form::FieldName;
use hipflask::http::Upload;
use hipflask::prelude::*;

#[derive(Form)]
struct Registration {
    #[field(label = "Name", length(2..=60), autocomplete = "name")]
    name: String,
    #[field(label = "E-mail", email, autocomplete = "email")]
    email: String,
    #[field(label = "Age", range(16..=120), description = "From 16 on")]
    age: u8,
    #[field(label = "Workshop", choices("bread" = "Baking bread", "pottery" = "Pottery"))]
    workshop: String,
    #[field(label = "Voucher", check = is_a_voucher, placeholder = "AB-1234")]
    voucher: Option<String>,
    #[field(label = "What should we know?", widget = "textarea", length(..=500), rows = 3)]
    note: Option<String>,
    #[field(label = "A picture of your work", accept = "image/png", description = "PNG, up to 1 MB")]
    picture: Option<Upload>,
    #[field(label = "I have read the rules", check = is_ticked)]
    agreed: bool,
}

fn is_a_voucher(text: &str) -> Result<(), String> {
    let parts = text.split_once('-');
    let good = parts.is_some_and(|(letters, digits)| {
        letters.len() == 2
            && letters.bytes().all(|b| b.is_ascii_uppercase())
            && digits.len() == 4
            && digits.bytes().all(|b| b.is_ascii_digit())
    });
    if good { Ok(()) } else { Err("A voucher looks like AB-1234.".into()) }
}

fn is_ticked(ticked: &bool) -> Result<(), String> {
    if *ticked { Ok(()) } else { Err("Please read them first.".into()) }
}

/// How many places the pottery workshop has left.
struct Places(AtomicU32);

#[route("/", methods = [GET, POST])]
async fn register(mut form: Form<Registration>, app: Frozen, session: Session) -> Result<Reply> {
    if let Some(registration) = form.valid() {
        match keep(&app, registration).await? {
            Ok(message) => {
                session.flash(message);
                return Ok(redirect(url_for!(welcome)).into_reply());
            }
            // An error that no rule can find; the view puts it beside the field.
            Err((field, error)) => form.add_error(field, error),
        }
    }
    Ok(render_template!("register.html", form).into_reply())
}

#[get("/welcome")]
async fn welcome() -> Template {
    render_template!("welcome.html")
}

/// The message for the new participant; or the field that is wrong after all, and why.
async fn keep(app: &Frozen, new: &Registration) -> Result<Result<String, (FieldName<Registration>, &'static str)>> {
    if let Some(picture) = &new.picture {
        if !picture.bytes().await?.starts_with(b"\x89PNG\r\n\x1a\n") {
            return Ok(Err((Registration::PICTURE, "Choose a PNG.")));
        }
        let name = format!("{}-{}", DateTime::now().unix_micros(), picture.secure_filename());
        std::fs::create_dir_all(app.instance_path())?;
        picture.save(app.instance_path().join(name)).await?;
    }
    let places = app.state::<Places>().ok_or_else(|| Error::msg("the application counts its places"))?;
    let less = |left: u32| left.checked_sub(1);
    if new.workshop == "pottery" && places.0.fetch_update(SeqCst, SeqCst, less).is_err() {
        return Ok(Err((Registration::WORKSHOP, "This workshop is full.")));
    }
    let reduced = if new.voucher.is_some() { " Your voucher counts." } else { "" };
    let noted = if new.note.is_some() { " We have read your note." } else { "" };
    Ok(Ok(format!("Welcome, {} ({})! We write to {}.{reduced}{noted}", new.name, new.age, new.email)))
}

#[hipflask::main]
fn app() -> App {
    app!()
        .config("MAX_CONTENT_LENGTH", 1_100_000)
        .insert_state(Places(AtomicU32::new(1)))
        .routes(routes![register, welcome])
}
