//! When a session is opened and saved.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use hipflask::extension::Answer;
use hipflask::http::Request;
use hipflask::prelude::*;
use hipflask::sessions::{MemoryStore, ServerSideSessions, SessionInterface};
use hipflask::{Context, Frozen, Rule};

use super::app;

/// Counts; `ready` is whether it says that it never waits.
#[derive(Clone, Default)]
struct Counted {
    ready: bool,
    waits: bool,
    opened: Arc<AtomicUsize>,
    saved: Arc<AtomicUsize>,
    steps: Arc<Mutex<Vec<&'static str>>>,
}

impl SessionInterface for Counted {
    fn open(&self, _: &Request) -> Answer<'_, Session> {
        self.opened.fetch_add(1, Relaxed);
        self.steps.lock().expect("nothing panics with it").push("opened");
        if !self.waits {
            return Answer::Ready(Ok(Session::new()));
        }
        Answer::Later(Box::pin(async {
            tokio::task::yield_now().await;
            Ok(Session::new())
        }))
    }

    fn save<'a>(&'a self, _: &'a Session, _: &'a mut Response) -> Answer<'a, ()> {
        self.saved.fetch_add(1, Relaxed);
        Answer::Ready(Ok(()))
    }

    fn is_ready(&self) -> bool {
        self.ready
    }
}

impl Counted {
    fn app(&self) -> App {
        let interface = self.clone();
        app().session_interface(move |_| Ok(interface))
    }

    async fn after(&self, app: &Frozen, target: &str) -> (usize, usize) {
        app.test_client().get(target).send().await;
        (self.opened.swap(0, Relaxed), self.saved.swap(0, Relaxed))
    }
}

#[hipflask::test]
async fn one_that_never_waits_is_opened_when_something_asks_for_it() {
    let counted = Counted { ready: true, ..Counted::default() };
    let app = counted.app().add_url_rule(Rule::new("/nothing"), async || "nothing").freeze().expect("it is in order");
    assert_eq!(counted.after(&app, "/nothing").await, (0, 0));
    assert_eq!(counted.after(&app, "/nowhere").await, (0, 0));
    assert_eq!(counted.after(&app, "/ask").await, (1, 1));
}

#[hipflask::test]
async fn one_that_has_to_be_waited_for_is_opened_before_the_hooks() {
    let counted = Counted { waits: true, ..Counted::default() };
    let steps = Arc::clone(&counted.steps);
    let hook = move |ctx: &mut Context| {
        let _ = ctx.session().is_empty();
        steps.lock().expect("nothing panics with it").push("hook");
    };
    let app = counted.app().url_value_preprocessor(hook).freeze().expect("it is in order");
    assert_eq!(counted.after(&app, "/ask").await, (1, 1));
    assert_eq!(*counted.steps.lock().expect("nothing panics with it"), ["opened", "hook"]);
    assert_eq!(counted.after(&app, "/nowhere").await, (1, 1));
}

/// Outside the dispatcher nothing has opened it; to go on with an empty one would be to forget the user's login.
#[hipflask::test]
async fn what_was_not_opened_fails_where_it_cannot_wait() {
    let counted = Counted { ready: true, waits: true, ..Counted::default() };
    let client = counted.app().add_url_rule(Rule::new("/in-a-view"), look).test_client();
    assert_eq!(client.get("/in-a-view").send().await.status(), 500);
    let mut ctx = counted.app().freeze().expect("it is in order").context();
    assert!(ctx.extract::<Session>().await.expect("this can wait").is_empty());
    async fn look(ctx: &mut Context) -> String {
        ctx.session().is_empty().to_string()
    }
}

#[hipflask::test]
async fn a_session_is_saved_once_even_if_a_hook_fails() {
    async fn fail(_: &mut Context) -> Result<()> {
        abort!(500)
    }
    let counted = Counted { ready: true, ..Counted::default() };
    let app = counted.app().after_request(fail).freeze().expect("it is in order");
    assert_eq!(counted.after(&app, "/ask").await, (1, 1));
}

/// What a session needs is for its interface to say; the default one signs.
#[test]
fn an_application_needs_the_key_that_its_sessions_need() {
    #[derive(Default, Form)]
    struct Name {
        name: String,
    }
    async fn form(form: Form<Name>) -> String {
        form.into_valid().unwrap_or_default().name
    }
    let bare =
        || App::new("test", ".").config("DEBUG", false).add_url_rule(Rule::new("/session"), async |_: Session| "");
    let own = |app: App| app.session_interface(|_| Ok(Counted::default()));
    let on_the_server =
        |app: App| app.session_interface(|freezing| ServerSideSessions::new(MemoryStore::default(), freezing.config()));
    let with_form = |app: App| app.add_url_rule(Rule::new("/form").methods([POST]), form);
    let with_key = |app: App| app.config("WTF_CSRF_SECRET_KEY", "a key for tokens alone, which is long too");
    for (what, app, is_well_formed) in [
        ("a signed cookie", bare(), false),
        ("its own, without a key", own(bare()), true),
        ("on the server, with a signed id", on_the_server(bare()), false),
        ("its own, and a form with a signed token", with_form(own(bare())), false),
        ("its own, and a key for tokens", with_key(with_form(own(bare()))), true),
        ("a key for tokens alone", with_key(bare()), false),
    ] {
        let frozen = app.freeze();
        assert_eq!(frozen.is_ok(), is_well_formed, "{what}: {:?}", frozen.err());
    }
}

#[test]
fn what_is_wrong_with_an_interface_is_told_with_its_line() {
    let line = line!() + 1;
    let app = app().session_interface(|_| Err::<Counted, _>(Error::msg("the store needs an address")));
    let errors = app.freeze().expect_err("it cannot be made").to_string();
    assert!(errors.contains(&format!("opening.rs:{line}: the store needs an address")), "{errors}");
}

/// Whatever an interface does, the request is answered.
#[hipflask::test]
async fn an_interface_that_panics_is_a_500() {
    #[derive(Clone, Copy, PartialEq)]
    enum When {
        Opening,
        Saving,
    }
    struct Panics(When);
    impl SessionInterface for Panics {
        fn open(&self, _: &Request) -> Answer<'_, Session> {
            assert!(self.0 != When::Opening, "nothing is opened");
            Answer::Ready(Ok(Session::new()))
        }

        fn save<'a>(&'a self, _: &'a Session, _: &'a mut Response) -> Answer<'a, ()> {
            assert!(self.0 != When::Saving, "nothing is saved");
            Answer::Ready(Ok(()))
        }
    }
    async fn fail(_: &mut Context) -> Result<()> {
        abort!(500)
    }
    for (when, hook_fails) in
        [(When::Opening, false), (When::Saving, false), (When::Opening, true), (When::Saving, true)]
    {
        let app = app().session_interface(move |_| Ok(Panics(when)));
        let app = if hook_fails { app.after_request(fail) } else { app };
        assert_eq!(app.test_client().get("/ask").send().await.status(), 500);
    }
}
