//! Addresses of databases, as SQLAlchemy writes them.

use std::path::{Path, PathBuf};

use sqlx::postgres::PgConnectOptions;

use crate::dialect::Dialect;

/// What an address names.
#[derive(Clone, Debug)]
pub(crate) enum Address {
    /// A database that lives and dies with the process.
    Memory,
    File(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

impl Address {
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Address::Memory | Address::File(_) => Dialect::Sqlite,
            Address::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Reads an address; the path of a SQLite file is relative to `folder`.
    ///
    /// `sqlite:` and `sqlite://` are memory, `sqlite:///blog.sqlite` is a file in the folder,
    /// `sqlite:////var/lib/blog.sqlite` one by its whole path, `postgresql://user@host/name` a server. What
    /// SQLAlchemy puts behind a `+` names a Python driver, and is passed over.
    pub(crate) fn parse(url: &str, folder: &Path) -> Result<Address, String> {
        let Some((scheme, rest)) = url.split_once(':') else {
            return Err(format!(
                "`{url}` is not the address of a database; write `sqlite:///name.sqlite` or `postgresql://user@host/name`"
            ));
        };
        let kind = scheme.split_once('+').map_or(scheme, |(kind, _driver)| kind);
        match kind {
            "sqlite" => Ok(match rest.strip_prefix("///").or_else(|| rest.strip_prefix("//")).unwrap_or(rest) {
                "" | ":memory:" | "/:memory:" => Address::Memory,
                path => Address::File(folder.join(path.split('?').next().unwrap_or(path))),
            }),
            "postgresql" | "postgres" => match format!("postgresql:{rest}").parse() {
                Ok(options) => Ok(Address::Postgres(Box::new(options))),
                // The address may hold a password, so it is not shown.
                Err(error) => Err(format!("the address of the PostgreSQL database cannot be read: {error}")),
            },
            _ => Err(format!(
                "`{kind}` is no database that hipflask-sql speaks to; it speaks to `sqlite` and `postgresql`"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let parse = |url| Address::parse(url, Path::new("/i"));
        for memory in ["sqlite:", "sqlite://", "sqlite:///:memory:", "sqlite://:memory:"] {
            assert!(matches!(parse(memory), Ok(Address::Memory)), "{memory}");
        }
        let file = |url| match parse(url) {
            Ok(Address::File(path)) => path,
            other => panic!("{url} is {other:?}"),
        };
        assert_eq!(file("sqlite:///a.db"), Path::new("/i/a.db"));
        assert_eq!(file("sqlite:////v/a.db?mode=rw"), Path::new("/v/a.db"));
        match parse("postgresql+psycopg2://u@h/n") {
            Ok(Address::Postgres(options)) => assert_eq!((options.get_host(), options.get_username()), ("h", "u")),
            other => panic!("{other:?}"),
        }
        assert!(parse("oracle://x").expect_err("unknown").contains("`sqlite` and `postgresql`"));
        assert!(parse("blog.db").is_err());
    }
}
