//! Views that put what a request brings into their answers.

use std::time::Duration;

use hipflask::helpers::{Redirect, send_data};
use hipflask::http::{Body, Cookie, is_safe_redirect};
use hipflask::prelude::*;

use crate::input::argument;

#[get("/redir")]
async fn redir(ctx: &mut Context) -> Redirect {
    redirect(argument(ctx, "to"))
}

#[get("/next")]
async fn next(ctx: &mut Context) -> Redirect {
    redirect(safe(&argument(ctx, "next")))
}

/// `address` if it is on this site, else the front page.
pub fn safe(address: &str) -> String {
    if is_safe_redirect(address) { address.to_owned() } else { "/".to_owned() }
}

#[get("/hdr")]
async fn hdr(ctx: &mut Context) -> Result<Response> {
    Response::new("ok").with_header("X-Out", argument(ctx, "v"))
}

#[get("/setcookie")]
async fn setcookie(ctx: &mut Context) -> Result<Response> {
    let mut response = Response::new("ok");
    response.set_cookie(&Cookie::new(argument(ctx, "n"), argument(ctx, "v")))?;
    Ok(response)
}

#[get("/download")]
async fn download(ctx: &mut Context) -> Result<hipflask::helpers::File> {
    send_data("x").mimetype("text/plain").as_attachment(argument(ctx, "name"))
}

#[get("/tmpl/<extension>")]
async fn tmpl(ctx: &mut Context, extension: String) -> Template {
    let v = argument(ctx, "v");
    match &*extension {
        "str" => Template::from_string("<p>{{ v }}</p>").with("v", &v),
        "attr" => render_template!("attr.html", d = std::collections::BTreeMap::from([(v, "1")])),
        "url" => render_template!("url.html", v),
        extension => Template::new(format!("ctx.{extension}")).with("v", &v),
    }
}

/// A name of a template that the client chooses: what no program should do, and what must harm nobody.
#[get("/tmpl-name")]
async fn tmpl_name(ctx: &mut Context) -> Template {
    Template::new(argument(ctx, "t"))
}

#[get("/tmpl-repeat")]
async fn tmpl_repeat() -> Template {
    Template::from_string("{{ 'a' * 1000000000 }}")
}

#[get("/err")]
async fn err(ctx: &mut Context) -> Result<Response> {
    Err(Error::msg(format!("secret-in-exception {}", argument(ctx, "v"))))
}

#[route("/cors", methods = [GET, OPTIONS])]
async fn cors(ctx: &mut Context) -> Result<Response> {
    let origin = ctx.request().origin().filter(|origin| *origin == "https://good.test").map(str::to_owned);
    let mut response = Response::new("cors");
    response.vary("Origin");
    let Some(origin) = origin else { return Ok(response) };
    response.with_header("Access-Control-Allow-Origin", origin)?.with_header("Access-Control-Allow-Credentials", "true")
}

#[get("/slow")]
async fn slow(ctx: &mut Context) -> &'static str {
    let milliseconds = argument(ctx, "ms").parse().unwrap_or(100_u64).min(20_000);
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    "slow"
}

#[get("/big")]
async fn big(ctx: &mut Context) -> Body {
    const PIECE: u64 = 64 * 1024;
    let mut left = argument(ctx, "n").parse().unwrap_or(1000_u64).min(1 << 28);
    Body::stream(async move |mut out| {
        while left > 0 {
            let now = left.min(PIECE);
            left -= now;
            out.send(vec![b'x'; usize::try_from(now).unwrap_or(0)]).await?;
        }
        Ok(())
    })
}

pub fn blueprint() -> Blueprint {
    Blueprint::new("output").routes(routes![
        redir,
        next,
        hdr,
        setcookie,
        download,
        tmpl,
        tmpl_name,
        tmpl_repeat,
        err,
        cors,
        slow,
        big
    ])
}
