use hipflask_sql::prelude::*;

#[derive(FromRow)]
struct Unknown {
    #[column(rename = "headline")]
    title: String,
}

#[derive(FromRow)]
struct NoValue {
    #[column(name)]
    title: String,
}

#[derive(FromRow)]
struct NoString {
    #[column(name = headline)]
    title: String,
}

#[derive(FromRow)]
#[row(name = "post")]
struct OfAColumn {
    title: String,
}

#[derive(FromRow)]
#[row(crate = "hipflask_sql")]
struct NoPath {
    title: String,
}

fn main() {}
