use hipflask::prelude::*;

async fn shared(_ctx: &Context) {}

async fn second(_session: Session, _ctx: &mut Context) {}

async fn owned(_ctx: Context) {}

fn app() -> App {
    app!().before_request(shared).before_request(second).before_request(owned)
}

fn main() {}
