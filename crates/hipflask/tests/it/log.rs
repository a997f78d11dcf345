//! What the log says of an error that nothing handles: it points at the line of the application that it comes from, never
//! at one of ours.

use std::sync::{Arc, LazyLock, Mutex};

use hipflask::Rule;
use hipflask::http::{FormData, Method};
use hipflask::prelude::*;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber};

/// What the log says, one line an event.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<String>>);

impl Log {
    fn note(&self, text: &str) {
        *self.0.lock().expect("nothing panics with it") += text;
    }

    /// What is logged while `f` runs.
    pub(crate) fn of(f: impl FnOnce()) -> String {
        // Tests run beside each other, and `tracing` switches an event off while nobody wants it. Somebody always does.
        static LISTENER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Log::default()));
        LazyLock::force(&LISTENER);
        let log = Log::default();
        tracing::subscriber::with_default(log.clone(), f);
        log.0.lock().expect("nothing panics with it").clone()
    }
}

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.note(&format!("{field}={value:?} "));
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("hipflask")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
        self.note(&format!("{}\n", event.metadata().level()));
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

async fn returned() -> Template {
    Template::from_string("{{ nothing.at.all }}")
}

async fn rendered(ctx: &mut Context) -> Result<Html> {
    let page = render_template!("nowhere.html");
    ctx.render(page).await
}

async fn panics() -> &'static str {
    panic!("in pieces")
}

fn panics_on_a_thread() -> &'static str {
    panic!("in pieces")
}

async fn saves(form: FormData) -> Result<&'static str> {
    let saved = form.files[0].save("/no/such/folder/file");
    saved.await?;
    Ok("saved")
}

async fn asks(config: Config) -> Result<String> {
    config.get("NOT_SET")
}

#[test]
fn an_error_is_logged_with_the_line_of_the_application() {
    const SOURCE: &str = include_str!("log.rs");
    let app = App::new("test", ".")
        .config("DEBUG", false)
        .add_url_rule(Rule::new("/returned"), returned)
        .add_url_rule(Rule::new("/rendered"), rendered)
        .add_url_rule(Rule::new("/panics"), panics)
        .add_url_rule(Rule::new("/thread"), panics_on_a_thread)
        .add_url_rule(Rule::new("/saves").methods([Method::POST]), saves)
        .add_url_rule(Rule::new("/asks"), asks);
    let client = app.test_client();
    for (path, text) in [
        ("/returned", "Template::from_string("),
        ("/rendered", "render_template!("),
        ("/panics", "panic!("),
        ("/thread", "panic!("),
        ("/saves", ".save("),
        ("/asks", "config.get("),
    ] {
        let request =
            if path == "/saves" { client.post(path).file("a", "a", "text/plain", "a") } else { client.get(path) };
        let log = Log::of(|| assert_eq!(request.send_blocking().status(), 500, "{path}"));
        let line = log
            .split(" at=")
            .nth(1)
            .and_then(|rest| rest.split_once("log.rs:")?.1.split(' ').next()?.parse::<usize>().ok());
        let line = line.unwrap_or_else(|| panic!("{path}: {log}"));
        let source = SOURCE.lines().nth(line - 1).unwrap_or_default();
        assert!(source.contains(text), "{path}: line {line} is {source}, in {log}");
    }
}
