//! A list of values by name that stays fast however many there are.

use std::collections::HashMap;

/// So many are looked through one by one; nearly every header has fewer.
const FEW: usize = 8;

/// Names with a value each, in the order in which they came. Looking all of them through for each new one would take a
/// time that grows with their square, and a header has room for twenty thousand.
#[derive(Debug)]
pub(crate) struct Named<T> {
    all: Vec<(String, T)>,
    /// Where they are, once there are more than [`FEW`].
    places: HashMap<String, usize>,
    /// How many names were compared.
    #[cfg(test)]
    compared: usize,
}

impl<T> Default for Named<T> {
    fn default() -> Named<T> {
        Named {
            all: Vec::new(),
            places: HashMap::new(),
            #[cfg(test)]
            compared: 0,
        }
    }
}

impl<T> Named<T> {
    /// The value that `name` has already.
    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        #[cfg(test)]
        {
            self.compared += self.all.len().min(FEW);
        }
        let place = if self.all.len() > FEW {
            self.places.get(name).copied()
        } else {
            self.all.iter().position(|(known, _)| known == name)
        };
        self.all.get_mut(place?).map(|(_, value)| value)
    }

    /// Adds a name that is not there yet.
    pub(crate) fn push(&mut self, name: String, value: T) {
        self.all.push((name, value));
        if self.all.len() > FEW {
            let unlisted = self.all.iter().enumerate().skip(self.places.len());
            self.places.extend(unlisted.map(|(place, (name, _))| (name.clone(), place)));
        }
    }

    /// All of them, in order.
    pub(crate) fn into_vec(self) -> Vec<(String, T)> {
        self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts `count` names twice; how many names were compared.
    fn compared(count: usize) -> usize {
        let mut named = Named::default();
        for n in (0..count).chain(0..count) {
            let name = format!("n{n}");
            match named.get_mut(&name) {
                Some(value) => *value += 1,
                None => named.push(name, 1),
            }
        }
        let compared = named.compared;
        let all = named.into_vec();
        assert_eq!(all.len(), count);
        assert!(all.iter().enumerate().all(|(n, (name, value))| *name == format!("n{n}") && *value == 2));
        compared
    }

    #[test]
    fn the_work_grows_with_the_number_of_names_not_with_its_square() {
        let (once, twice, four_times) = (compared(1_000), compared(2_000), compared(4_000));
        assert!(
            twice <= 2 * once + FEW * FEW && four_times <= 4 * once + 4 * FEW * FEW,
            "{once}, {twice}, {four_times}"
        );
        compared(3);
    }
}
