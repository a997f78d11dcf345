//! A set of HTTP methods.

use http::Method;

/// A set of methods; the common ones are bits, so that looking one up costs nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MethodSet {
    common: u16,
    others: Vec<Method>,
}

/// In the order in which an `Allow` header lists them.
const COMMON: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::TRACE,
    Method::CONNECT,
];

fn bit(method: &Method) -> Option<u16> {
    COMMON.iter().position(|common| common == method).map(|at| 1 << at)
}

impl MethodSet {
    pub(crate) fn insert(&mut self, method: Method) {
        match bit(&method) {
            Some(bit) => self.common |= bit,
            None if !self.others.contains(&method) => self.others.push(method),
            None => {}
        }
    }

    pub(crate) fn contains(&self, method: &Method) -> bool {
        match bit(method) {
            Some(bit) => self.common & bit != 0,
            None => self.others.contains(method),
        }
    }

    pub(crate) fn extend(&mut self, other: &MethodSet) {
        self.common |= other.common;
        for method in &other.others {
            self.insert(method.clone());
        }
    }

    pub(crate) fn intersects(&self, other: &MethodSet) -> bool {
        self.common & other.common != 0 || self.others.iter().any(|method| other.others.contains(method))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.common == 0 && self.others.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Method> {
        COMMON.iter().filter(|method| self.contains(method)).chain(&self.others)
    }

    /// The value of an `Allow` header.
    pub(crate) fn to_header(&self) -> String {
        let names: Vec<&str> = self.iter().map(Method::as_str).collect();
        names.join(", ")
    }
}

impl FromIterator<Method> for MethodSet {
    fn from_iter<I: IntoIterator<Item = Method>>(methods: I) -> MethodSet {
        let mut set = MethodSet::default();
        methods.into_iter().for_each(|method| set.insert(method));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_common_and_other_methods() {
        let purge = Method::from_bytes(b"PURGE").expect("a method");
        let mut set: MethodSet = [Method::POST, Method::GET, purge.clone(), purge.clone()].into_iter().collect();
        assert!(set.contains(&purge) && set.contains(&Method::GET) && !set.contains(&Method::PUT));
        set.extend(&[Method::PUT].into_iter().collect());
        assert_eq!(set.to_header(), "GET, POST, PUT, PURGE");
        assert!(set.intersects(&[purge].into_iter().collect()));
        assert!(MethodSet::default().is_empty());
    }
}
