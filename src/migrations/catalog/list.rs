//! A list that is cheap to copy however much its members hold: a copy of a table shares them until one is changed.

use std::fmt;
use std::sync::Arc;

/// A list whose copies share their members.
#[derive(Clone, PartialEq)]
pub struct List<T>(Vec<Arc<T>>);

impl<T> List<T> {
    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many it has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// In order.
    pub fn iter(&self) -> Iter<'_, T> {
        self.into_iter()
    }

    /// The one of a number, from 0.
    pub fn get(&self, at: usize) -> Option<&T> {
        self.0.get(at).map(|member| &**member)
    }

    /// The first.
    pub fn first(&self) -> Option<&T> {
        self.get(0)
    }

    /// The last.
    pub fn last(&self) -> Option<&T> {
        self.0.last().map(|member| &**member)
    }

    /// Adds one at the end.
    pub fn push(&mut self, member: T) {
        self.0.push(Arc::new(member));
    }

    /// Keeps those that are wanted.
    pub fn retain(&mut self, mut is_wanted: impl FnMut(&T) -> bool) {
        self.0.retain(|member| is_wanted(member));
    }
}

impl<T: Clone> List<T> {
    /// The first that is wanted, to change it.
    pub fn find_mut(&mut self, is_wanted: impl FnMut(&T) -> bool) -> Option<&mut T> {
        let at = self.iter().position(is_wanted)?;
        self.0.get_mut(at).map(Arc::make_mut)
    }

    /// Changes each that is wanted, and copies no other.
    pub fn change(&mut self, mut is_wanted: impl FnMut(&T) -> bool, mut change: impl FnMut(&mut T)) {
        for member in self.0.iter_mut().filter(|member| is_wanted(member)) {
            change(Arc::make_mut(member));
        }
    }

    /// Takes the first out that is wanted.
    pub(super) fn take(&mut self, is_wanted: impl FnMut(&T) -> bool) -> Option<T> {
        let at = self.iter().position(is_wanted)?;
        Some(Arc::unwrap_or_clone(self.0.remove(at)))
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: fmt::Debug> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

impl<T> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(members: I) -> Self {
        Self(members.into_iter().map(Arc::new).collect())
    }
}

impl<T> Extend<T> for List<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, members: I) {
        self.0.extend(members.into_iter().map(Arc::new));
    }
}

impl<T> From<Vec<T>> for List<T> {
    fn from(members: Vec<T>) -> Self {
        members.into_iter().collect()
    }
}

impl<'a, T> IntoIterator for &'a List<T> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        Iter(self.0.iter())
    }
}

#[cfg(test)]
impl<T> std::ops::Index<usize> for List<T> {
    type Output = T;

    fn index(&self, at: usize) -> &T {
        &self.0[at]
    }
}

/// The members of a list, in order.
#[derive(Debug)]
pub struct Iter<'a, T>(std::slice::Iter<'a, Arc<T>>);

impl<T> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        self.0.next().map(|member| &**member)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<T> DoubleEndedIterator for Iter<'_, T> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|member| &**member)
    }
}

impl<T> ExactSizeIterator for Iter<'_, T> {}
