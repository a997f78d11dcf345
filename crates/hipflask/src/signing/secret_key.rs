//! Which secret keys must not be used.

/// Why a secret key must not be used in production, not even to verify: anyone who guesses it can sign with it.
pub(crate) fn weak_key(name: &str, key: &str) -> Option<String> {
    let mut distinct: Vec<u8> = key.bytes().collect();
    distinct.sort_unstable();
    distinct.dedup();
    let published = ["192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf"];
    let what = match key {
        _ if key.len() < 32 => format!("has {} bytes", key.len()),
        _ if distinct.len() < 8 => format!("has only {} different characters", distinct.len()),
        _ if published.contains(&key) => "is published in Flask's documentation".to_owned(),
        _ => return None,
    };
    Some(format!(
        "{name} {what}; in production set `SECRET_KEY` (the environment's FLASK_SECRET_KEY) to 32 random bytes or more, \
         for instance from `openssl rand -hex 32`"
    ))
}
