//! A chat: what one visitor writes, everybody in the room sees at once.
//!
//! The page is an ordinary one. Its script opens a WebSocket, with the session's cookie, at the address that the page
//! was given. The room is state of the application: it has a sender for each member, and waits for none of them.
//!
//! `cargo run -p websockets` serves it on <http://127.0.0.1:5000>; open it in two windows.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hipflask::extension::State;
use hipflask::helpers::Redirect;
use hipflask::prelude::*;
use hipflask_websocket::prelude::*;

/// Who is in the room.
#[derive(Default)]
struct Room(Mutex<Members>);

#[derive(Default)]
struct Members {
    next: u64,
    senders: BTreeMap<u64, Sender>,
}

/// What every member gets.
#[derive(serde::Serialize)]
struct Said<'a> {
    name: &'a str,
    text: &'a str,
}

/// What a member sends.
#[derive(serde::Deserialize)]
struct Say {
    text: String,
}

impl Room {
    fn members(&self) -> MutexGuard<'_, Members> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, sender: Sender) -> u64 {
        let mut members = self.members();
        members.next += 1;
        let id = members.next;
        members.senders.insert(id, sender);
        id
    }

    fn leave(&self, id: u64) {
        self.members().senders.remove(&id);
    }

    /// Sends to everybody. A member whose queue is full does not hold up the others, but has to come back.
    fn say(&self, name: &str, text: &str) -> Result<()> {
        let message = Message::json(&Said { name, text })?;
        self.members().senders.retain(|_, sender| match sender.try_send(message.clone()) {
            Ok(true) => true,
            Ok(false) => sender.close(CloseCode::TRY_AGAIN_LATER, "too slow").is_err(),
            Err(_) => false,
        });
        Ok(())
    }
}

#[derive(Form)]
struct Enter {
    #[field(label = "Your name", length(1..=20))]
    name: String,
}

#[route("/", methods = [GET, POST])]
async fn index(form: Form<Enter>, session: Session) -> Result<Reply> {
    if let Some(entered) = form.valid() {
        session.set("name", &entered.name);
        return Ok(redirect(url_for!(chat)).into_reply());
    }
    Ok(render_template!("index.html", form).into_reply())
}

#[get("/chat")]
async fn chat(session: Session) -> Result<Reply> {
    match session.get::<String>("name") {
        Some(name) => Ok(render_template!("chat.html", name).into_reply()),
        None => Ok(redirect(url_for!(index)).into_reply()),
    }
}

#[post("/leave")]
async fn leave(session: Session) -> Redirect {
    session.pop::<String>("name");
    redirect(url_for!(index))
}

#[get("/live", websocket = true)]
async fn live(handshake: Handshake, session: Session, room: State<Room>) -> Result<Accepted> {
    // Whoever has no name is refused like with any other request.
    let name: String = session.get("name").ok_or(HttpError::new(401))?;
    Ok(handshake.max_message_size(2000).accept(async move |mut socket| {
        let id = room.enter(socket.sender());
        let result = listen(&mut socket, &name, &room).await;
        room.leave(id);
        room.say(&name, "has left.")?;
        result
    }))
}

async fn listen(socket: &mut WebSocket, name: &str, room: &Room) -> Result<()> {
    room.say(name, "has come.")?;
    while let Some(message) = socket.receive().await? {
        match message.parse::<Say>() {
            Ok(Say { text }) if text.trim().is_empty() => {}
            Ok(Say { text }) => room.say(name, &text)?,
            Err(_) => return socket.close(CloseCode::POLICY_VIOLATION, "a message is {\"text\": \"…\"}"),
        }
    }
    Ok(())
}

#[hipflask::main]
fn app() -> App {
    app!().extend(WebSockets).insert_state(Room::default()).routes(routes![index, chat, leave, live])
}
