//! Maps whose keys are hashes already: hashing them again in full would cost more than the rest of the look-up.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

/// A map by 64-bit hashes or small numbers.
pub type FastMap<K, V> = HashMap<K, V, Spread>;

/// Spreads a key over the table by one multiplication with a number that is another in every run, so that nobody can choose
/// keys that meet. Nothing may depend on the order of such a map.
#[derive(Debug, Clone, Copy)]
pub struct Spread(u64);

impl Default for Spread {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0_u64) | 1)
    }
}

impl BuildHasher for Spread {
    type Hasher = Mixer;

    fn build_hasher(&self) -> Mixer {
        Mixer { factor: self.0, state: 0 }
    }
}

/// The hasher of [`Spread`].
#[derive(Debug, Clone, Copy)]
pub struct Mixer {
    factor: u64,
    state: u64,
}

impl Mixer {
    fn mix(&mut self, value: u64) {
        let product = u128::from(self.state ^ value ^ self.factor) * u128::from(self.factor);
        self.state = (product as u64) ^ ((product >> 64) as u64);
    }
}

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.state
    }

    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut word = [0; 8];
            for (into, byte) in word.iter_mut().zip(part) {
                *into = *byte;
            }
            self.mix(u64::from_le_bytes(word) ^ part.len() as u64);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.mix(value);
    }

    fn write_u32(&mut self, value: u32) {
        self.mix(u64::from(value));
    }
}
