//! Bodies that are made while they are sent: see `apps/streams.py`.

use hipflask::Rule;
use hipflask::http::{Body, Bytes};
use hipflask::prelude::*;
use hipflask::routing::ViewArgs;
use serde_json::Value;

use super::production;

fn pieces(pieces: &'static [&'static [u8]]) -> Body {
    Body::stream(async move |mut out| {
        for piece in pieces {
            out.send(Bytes::from_static(piece)).await?;
        }
        Ok(())
    })
}

const NUMBERS: &[&[u8]] = &[b"0", b"1", b"2"];

async fn kind(ctx: &mut Context, args: ViewArgs) -> Result<Reply> {
    ctx.g_mut().set("user", "ada");
    let plain = |body: Body| ([("content-type", "text/plain; charset=utf-8")], body);
    Ok(match args.get::<String>("name")?.as_str() {
        "numbers" | "generator" => plain(pieces(NUMBERS)).into_reply(),
        "nothing" => plain(pieces(&[])).into_reply(),
        "bytes" => ([("content-type", "application/octet-stream")], pieces(&[b"\0", b"\xff"])).into_reply(),
        "text" => plain(pieces(&[b"\xc3\xa4", b"", b"\xc3\xb6"])).into_reply(),
        "status" => (plain(pieces(NUMBERS)), 202).into_reply(),
        "length" => plain(Body::stream_sized(3, async |mut out| out.send("012").await)).into_reply(),
        "no_content" => (plain(pieces(NUMBERS)), 204).into_reply(),
        "not_modified" => (plain(pieces(NUMBERS)), 304).into_reply(),
        "context" => plain(ctx.stream_with_context(async |ctx, mut out| {
            out.send(ctx.request().path().to_owned()).await?;
            out.send(ctx.g().named::<String>("user").unwrap_or_default()).await?;
            out.send(ctx.session().get::<String>("user").unwrap_or_else(|| "nobody".to_owned())).await
        }))
        .into_reply(),
        _ => abort!(404),
    })
}

async fn login(ctx: &mut Context) -> Html {
    ctx.session().set("user", "grace");
    html!("in")
}

pub(super) fn app(declared: &Value) -> App {
    production(declared)
        .without_static_files()
        .add_url_rule(Rule::new("/kind/<name>").methods([GET, POST]), kind)
        .add_url_rule(Rule::new("/login"), login)
}
