//! Addresses of databases, as SQLAlchemy writes them.

use std::path::{Path, PathBuf};

/// What an address names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// A database that lives and dies with the process.
    Memory,
    File(PathBuf),
    /// The address, for the driver.
    Postgres(String),
}

impl Address {
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
            "postgresql" | "postgres" => Ok(Address::Postgres(format!("postgresql:{rest}"))),
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
            assert_eq!(parse(memory), Ok(Address::Memory), "{memory}");
        }
        assert_eq!(parse("sqlite:///a.db"), Ok(Address::File("/i/a.db".into())));
        assert_eq!(parse("sqlite:////v/a.db?mode=rw"), Ok(Address::File("/v/a.db".into())));
        assert_eq!(parse("postgresql+psycopg2://u@h/n"), Ok(Address::Postgres("postgresql://u@h/n".into())));
        assert!(parse("oracle://x").expect_err("unknown").contains("`sqlite` and `postgresql`"));
        assert!(parse("blog.db").is_err());
    }
}
