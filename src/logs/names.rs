//! Names as small numbers, in order of first appearance.

use std::collections::HashMap;
use std::hash::Hash;

/// A table of what was seen.
#[derive(Debug, Clone)]
pub struct Names<T> {
    numbers: HashMap<T, u32>,
    all: Vec<T>,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), all: Vec::new() }
    }
}

impl<T: Clone + Eq + Hash> Names<T> {
    /// The number of something, a new one where it was not seen before.
    pub fn number<Q>(&mut self, of: &Q) -> u32
    where
        Q: ?Sized + Eq + Hash + ToOwned<Owned = T>,
        T: std::borrow::Borrow<Q>,
    {
        if let Some(number) = self.numbers.get(of) {
            return *number;
        }
        let number = self.all.len() as u32;
        self.all.push(of.to_owned());
        self.numbers.insert(of.to_owned(), number);
        number
    }

    /// All of them, in the order of their numbers.
    pub fn all(&self) -> &[T] {
        &self.all
    }

    /// What has a number.
    pub fn get(&self, number: u32) -> Option<&T> {
        self.all.get(number as usize)
    }
}
