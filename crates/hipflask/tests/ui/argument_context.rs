use hipflask::http::Request;
use hipflask::prelude::*;

#[get("/shared")]
async fn shared(ctx: &Context) -> String {
    ctx.request().path().to_owned()
}

#[get("/owned")]
async fn owned(ctx: Context) -> String {
    ctx.request().path().to_owned()
}

#[get("/second")]
async fn second(session: Session, ctx: &mut Context) -> String {
    ctx.request().path().to_owned()
}

#[get("/request")]
async fn request(request: Request) -> String {
    request.path().to_owned()
}

fn main() {}
