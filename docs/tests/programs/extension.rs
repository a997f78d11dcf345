//! An extension is a function from app to app.

use hipflask::Extension;
use hipflask::prelude::*;

pub struct RequestId;

impl Extension for RequestId {
    fn init_app(self, app: App) -> App {
        app.config_default("REQUEST_ID_HEADER", "X-Request-ID").after_request(stamp)
    }
}

async fn stamp(ctx: &mut Context, config: Config) -> Result<()> {
    let header: String = config.get("REQUEST_ID_HEADER")?;
    let id = ctx.request_id().parse()?;
    ctx.response_mut().headers_mut().insert(header.parse::<hipflask::http::HeaderName>()?, id);
    Ok(())
}

fn app() -> App {
    app!().extend(RequestId)
}

#[hipflask::test]
async fn it_is_added_to_two_applications_in_one_process() {
    let (ours, theirs) = (app().test_client(), app().config("REQUEST_ID_HEADER", "X-Trace").test_client());
    let [first, second] = [ours.get("/").send().await, ours.get("/").send().await];
    let id = first.header("x-request-id").expect("every response is stamped, a 404 too");
    assert_eq!(id.len(), 16);
    assert_ne!(Some(id), second.header("x-request-id"));
    let other = theirs.get("/").send().await;
    assert!(other.header("x-trace").is_some() && other.header("x-request-id").is_none());
}
