use hipflask::prelude::*;

#[get("/plaintext")]
fn plaintext() -> &'static str { "Hello, World!" }
#[get("/aplaintext")]
async fn aplaintext() -> &'static str { "Hello, World!" }

#[derive(serde::Serialize)]
struct Message { message: &'static str }
#[get("/json")]
async fn json() -> Json<Message> { Json(Message { message: "Hello, World!" }) }
#[get("/hello/<name>")]
async fn hello(name: String) -> Html { html!("<h1>Hello, {name}!</h1>") }

#[hipflask::main]
fn app() -> App { app!().routes(routes![plaintext, aplaintext, json, hello]) }
