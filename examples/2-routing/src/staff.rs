//! The staff's part: its rules begin with `/staff`, its names with `staff.`.

use hipflask::prelude::*;

#[get("/")]
async fn index(ctx: &mut Context) -> Result<Html> {
    let (desk, public) = (ctx.url_for(url_for!(desk, number = 1))?, ctx.url_for(url_for!(crate::index))?);
    Ok(html!("<a href=\"{desk}\">Desk 1</a> <a href=\"{public}\">The public part</a>"))
}

#[get("/desks/<int:number>")]
async fn desk(ctx: &mut Context, number: u8) -> String {
    format!("Desk {number} ({}).", ctx.endpoint().unwrap_or_default())
}

pub fn blueprint() -> Blueprint {
    Blueprint::new("staff").url_prefix("/staff").routes(routes![index, desk])
}
