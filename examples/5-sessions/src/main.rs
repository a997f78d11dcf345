//! A tea shop without accounts: the basket is in the session.
//!
//! The session is a cookie that the browser sends with every request. It is signed: the user can read it, but a
//! changed one counts as empty. So it needs no database and no login; a secret does not belong in it. It ends with
//! the browser, or after `PERMANENT_SESSION_LIFETIME` once it is permanent.
//!
//! `cargo run -p sessions` serves it on <http://127.0.0.1:5000>. During development the signing key is made for
//! you and kept in `instance/`; in production it is `FLASK_SECRET_KEY`.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use hipflask::helpers::Redirect;
use hipflask::prelude::*;

#[derive(serde::Serialize)]
struct Item {
    id: &'static str,
    name: &'static str,
    cents: u32,
}

const GOODS: [Item; 3] = [
    Item { id: "tea", name: "Green tea, 100 g", cents: 890 },
    Item { id: "cup", name: "A cup", cents: 1250 },
    Item { id: "pot", name: "A pot", cents: 3900 },
];

/// An item and its quantity. Any value that can be JSON can be in a session.
type Basket = BTreeMap<String, u32>;

fn basket(session: &Session) -> Basket {
    session.get("basket").unwrap_or_default()
}

#[get("/")]
async fn shop(session: Session) -> Template {
    let (basket, permanent) = (basket(&session), session.is_permanent());
    let price = |item: &Item| item.cents * basket.get(item.id).copied().unwrap_or(0);
    let total: u32 = GOODS.iter().map(price).sum();
    render_template!("shop.html", goods = GOODS, basket, total, permanent)
}

#[post("/basket/<item>/more")]
async fn put_in(item: String, session: Session) -> Result<Redirect> {
    let item = GOODS.iter().find(|known| known.id == item).or_404()?;
    let mut basket = basket(&session);
    let count = basket.entry(item.id.to_owned()).or_default();
    match *count {
        9.. => session.flash_as("error", "More than nine at once is for our wholesale."),
        _ => *count += 1,
    }
    session.set("basket", basket);
    Ok(redirect(url_for!(shop)))
}

#[post("/basket/<item>/less")]
async fn take_out(item: String, session: Session) -> Result<Redirect> {
    let mut basket = basket(&session);
    *basket.get_mut(&item).or_404()? -= 1;
    basket.retain(|_, count| *count > 0);
    session.set("basket", basket);
    Ok(redirect(url_for!(shop)))
}

#[post("/remember")]
async fn remember(session: Session) -> Redirect {
    session.set_permanent(!session.is_permanent());
    redirect(url_for!(shop))
}

#[post("/forget")]
async fn forget(session: Session) -> Redirect {
    session.clear();
    redirect(url_for!(shop))
}

#[hipflask::main]
fn app() -> App {
    app!().routes(routes![shop, put_in, take_out, remember, forget])
}
