//! Section 3: the application's cache. PostgreSQL's own buffer cache is not what these items mean, and decides none.

use super::{Item, Section};

pub(super) static SECTION: Section = Section {
    id: "3",
    title: "Caching",
    items: &[
        Item::attested(
            "3.1",
            "Cache hit rate for hot read paths",
            "> 80%",
            "keyspace_hits and keyspace_misses of redis-cli INFO stats, attested",
        ),
        Item::attested(
            "3.2",
            "TTL configured on all cache keys",
            "100% have explicit TTL",
            "a scan of the cache for keys without a TTL, attested",
        ),
        Item::attested(
            "3.3",
            "Eviction policy configured",
            "allkeys-lru or volatile-lru set",
            "redis-cli CONFIG GET maxmemory-policy, attested",
        ),
        Item::attested("3.4", "maxmemory configured", "Not unlimited", "redis-cli CONFIG GET maxmemory, attested"),
        Item::attested(
            "3.5",
            "Cache key namespace collision check",
            "No two entities share prefix",
            "a review of the prefixes of cache keys in the application's code, attested",
        ),
        Item::attested(
            "3.6",
            "Thundering herd protection on popular keys",
            "PER or mutex in place",
            "a review of how popular keys are recomputed, attested",
        ),
        Item::attested(
            "3.7",
            "Negative caching for non-existent lookups",
            "Bloom filter or null-TTL caching",
            "a review of lookups that find nothing, attested",
        ),
        Item::attested(
            "3.8",
            "Cache eviction rate acceptable",
            "< 5% eviction/hour",
            "evicted_keys of redis-cli INFO stats an hour apart, attested",
        ),
    ],
};
