//! For programs: every answer is JSON, including errors.

use hipflask::prelude::*;

use crate::{SoldOut, reserve, seats_left};

#[derive(serde::Serialize)]
struct Seats {
    show: String,
    left: u32,
}

#[get("/seats/<show>")]
async fn seats(show: String) -> Result<Json<Seats>> {
    let left = seats_left(&show).or_404()?;
    Ok(Json(Seats { show, left }))
}

#[derive(serde::Deserialize)]
struct Order {
    show: String,
    seats: u32,
}

#[post("/orders")]
async fn order(order: Json<Order>) -> Result<(Status, Json<Seats>)> {
    if !(1..=10).contains(&order.seats) {
        abort!(422, "An order is for 1 to 10 seats, not for {}.", order.seats);
    }
    let left = reserve(&order.show, order.seats)?;
    Ok((Status::CREATED, Json(Seats { show: order.0.show, left })))
}

/// `code`, `name` and `description`.
#[errorhandler(HttpError)]
async fn http_error(error: HttpError) -> (Status, Json<HttpError>) {
    (error.status(), Json(error))
}

/// A handler for a status takes precedence over one for a type, even if it is the application's. So 404 needs one
/// here.
#[errorhandler(404)]
async fn missing(error: HttpError) -> (Status, Json<HttpError>) {
    (error.status(), Json(error))
}

#[errorhandler(SoldOut)]
async fn sold_out(error: &SoldOut) -> (Status, Json<HttpError>) {
    (Status::CONFLICT, Json(HttpError::new(409).description(error.to_string())))
}

pub fn blueprint() -> Blueprint {
    Blueprint::new("api")
        .url_prefix("/api")
        .routes(routes![seats, order])
        .errorhandler(http_error)
        .errorhandler(missing)
        .errorhandler(sold_out)
}
