//! stub, to be replaced
use std::borrow::Cow;
/// stub
#[derive(Debug, Default)]
pub struct Tags<'a> {
    /// stub
    pub trace: Option<Cow<'a, [u8]>>,
    /// stub
    pub route: Option<Cow<'a, [u8]>>,
    /// stub
    pub is_ping: bool,
}
/// stub
pub fn tags<'a>(_: impl Iterator<Item = &'a [u8]>) -> Option<Tags<'a>> {
    None
}
