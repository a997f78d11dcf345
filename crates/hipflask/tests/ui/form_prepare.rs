use hipflask::prelude::*;

#[derive(Form)]
#[form(prepare = not_async)]
struct Sync {
    name: String,
}

fn not_async(form: Form<Sync>) -> Result<Form<Sync>> {
    Ok(form)
}

#[derive(Form)]
#[form(prepare = "text")]
struct Text {
    name: String,
}

#[derive(Form)]
#[form(label = "Name")]
struct Unknown {
    name: String,
}

fn main() {}
