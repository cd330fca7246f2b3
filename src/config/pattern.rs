//! Patterns over names and keys: `*` for anything, `/` included, `?` for one character, all else for itself.

use std::fmt;

/// A pattern, matched against a whole text, case and all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(String);

impl Pattern {
    /// Every text is a pattern.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it matches the whole of a text.
    pub fn matches(&self, text: &str) -> bool {
        crate::glob::matches(&self.0, text)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, by recursion.
    fn by_definition(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (None, Some(_)) => false,
            (Some(('*', rest)), None) => by_definition(rest, text),
            (Some(('*', rest)), Some((_, tail))) => by_definition(rest, text) || by_definition(pattern, tail),
            (Some(_), None) => false,
            (Some((wanted, rest)), Some((character, tail))) => {
                (*wanted == '?' || wanted == character) && by_definition(rest, tail)
            }
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[ab/*?]{0,8}", text in "[ab/]{0,10}") {
            let chars = |s: &str| s.chars().collect::<Vec<_>>();
            prop_assert_eq!(Pattern::new(&pattern).matches(&text), by_definition(&chars(&pattern), &chars(&text)));
        }

        #[test]
        fn a_text_matches_itself_and_a_star(text in "[^*?]{0,40}") {
            prop_assert!(Pattern::new(&text).matches(&text));
            prop_assert!(Pattern::new("*").matches(&text));
        }
    }

    #[test]
    fn a_hostile_pattern_is_quick() {
        let pattern = Pattern::new(&"a*".repeat(500));
        assert!(!pattern.matches(&("a".repeat(499) + &"b".repeat(20_000))));
        assert!(pattern.matches(&"a".repeat(20_000)));
    }

    #[test]
    fn stars_cross_slashes_and_question_marks_are_one_character() {
        let matches = |pattern: &str, text: &str| Pattern::new(pattern).matches(text);
        assert!(matches("unused-index:shop/*", "unused-index:shop/public/orders/idx"));
        assert!(!matches("unused-index:shop/*", "duplicate-index:shop/public/orders/idx"));
        assert!(matches("idx_?", "idx_é") && !matches("idx_?", "idx_") && !matches("idx", "IDX"));
    }
}
