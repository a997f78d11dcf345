use hipflask::prelude::*;

#[derive(Form)]
struct Register {
    user_name: String,
}

#[derive(Form)]
struct Login {
    user_name: String,
}

fn taken(form: &mut Form<Register>) {
    form.add_error(Register::USERNAME, "This name is taken.");
    form.add_error("user_name", "This name is taken.");
    form.add_error(Login::USER_NAME, "This name is taken.");
}

fn main() {}
