//! What stands around an application, and what comes after its requests, over real connections.

use std::sync::Arc;

use hipflask::prelude::*;
use hipflask::{Answer, Handler};

use super::{Server, app, rule};

/// Answers one path before the application sees it.
struct Health(Arc<dyn Handler>);

impl Handler for Health {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        if ctx.request().path() == "/health" {
            return Answer::Ready("up".into_response().map(Some));
        }
        self.0.call(ctx)
    }
}

#[tokio::test]
async fn what_stands_around_an_application_answers_first() {
    let server = Server::start(app().add_url_rule(rule("/"), async || "the application").wrap(Health));
    for (path, body) in [("/health", "up"), ("/", "the application")] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!(server.answer(&request).await.body, body);
    }
}
