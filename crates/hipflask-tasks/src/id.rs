//! Ids of tasks: random UUIDs.

/// A UUID of version 4 as text, RFC 9562 §5.4.
pub(crate) fn new_id() -> String {
    let mut bytes = [0; 16];
    // Without randomness nothing is signed either; the application has not started then.
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])));
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_id_is_a_uuid_of_version_4() {
        let id = super::new_id();
        assert_eq!((id.len(), &id[8..9], &id[14..15]), (36, "-", "4"));
        assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"), "{id}");
        assert_ne!(id, super::new_id());
    }
}
