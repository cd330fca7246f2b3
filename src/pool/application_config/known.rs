//! What each pool calls its settings, what they count in, and what holds where they are not written.

use super::entries::Entry;
use super::quantity::{Unit, Zero};
use super::{Amount, What};

/// A pool and its settings.
#[derive(Debug)]
pub(super) struct Known {
    /// As `--for` takes it.
    pub(super) id: &'static str,
    /// Words by which a file is one of this pool's.
    marks: &'static [&'static str],
    /// Its settings; of several for one thing the first that is written counts.
    pub(super) meanings: &'static [Meaning],
    /// What holds where nothing is written: size, acquire timeout, lifetime, idle timeout, leak detection.
    defaults: [Amount; 5],
    /// What else is to be known.
    pub(super) notes: &'static [Note],
}

/// One setting.
#[derive(Debug)]
pub(super) struct Meaning {
    /// What it is about.
    pub(super) what: What,
    /// The pool's name for it.
    pub(super) name: &'static str,
    /// The name in small letters without `-` and `_`.
    plain: &'static str,
    /// A block it must stand in, by a part of its name; empty for anywhere.
    within: &'static str,
    /// Whether no other pool has a setting of this name.
    is_own: bool,
    /// What it counts in.
    pub(super) unit: Unit,
    /// What zero means.
    pub(super) zero: Zero,
}

/// A remark that is made where a setting has a value, or is missing.
#[derive(Debug)]
pub(super) struct Note {
    key: &'static str,
    when: When,
    pub(super) text: &'static str,
}

#[derive(Debug, PartialEq, Eq)]
enum When {
    Present,
    Absent,
}

impl Note {
    pub(super) fn applies(&self, entries: &[Entry]) -> bool {
        let is_present =
            entries.iter().any(|entry| entry.name() == self.key || entry.path.iter().any(|part| part == self.key));
        is_present == (self.when == When::Present)
    }
}

impl Meaning {
    /// The entry that sets it: of several the last.
    pub(super) fn entry<'a>(&self, entries: &'a [Entry]) -> Option<&'a Entry> {
        entries.iter().rev().find(|entry| self.is_meant(entry))
    }

    fn is_meant(&self, entry: &Entry) -> bool {
        let blocks = entry.path.split_last().map_or(&[] as &[String], |(_, blocks)| blocks);
        entry.name() == self.plain && (self.within.is_empty() || blocks.iter().any(|block| block.contains(self.within)))
    }
}

impl Known {
    /// How much a file looks like one of this pool's.
    pub(super) fn score(&self, entries: &[Entry], text: &str) -> usize {
        let marks = self.marks.iter().filter(|mark| text.contains(**mark)).count();
        let own = self.meanings.iter().filter(|meaning| meaning.is_own && meaning.entry(entries).is_some()).count();
        let any = self.meanings.iter().filter(|meaning| meaning.entry(entries).is_some()).count();
        // a mark without any setting is still this pool, with all its defaults
        marks * 3 + own * 4 + if marks + own > 0 { any } else { 0 }
    }

    pub(super) fn default(&self, what: &What) -> Amount {
        let [size, acquire, lifetime, idle, leaks] = self.defaults;
        match what {
            What::Size => size,
            What::AcquireTimeout => acquire,
            What::Lifetime => lifetime,
            What::IdleTimeout => idle,
            What::LeakDetection => leaks,
            What::Overflow if self.id == "sqlalchemy" => Amount::Number(10.0),
            _ => Amount::Number(0.0),
        }
    }
}

/// A setting that only this pool has, by its name.
const fn own(what: What, name: &'static str, plain: &'static str, unit: Unit, zero: Zero) -> Meaning {
    Meaning { what, name, plain, within: "", is_own: true, unit, zero }
}

/// A setting that others have too, which counts inside a block of this name.
const fn shared(
    what: What,
    name: &'static str,
    plain: &'static str,
    within: &'static str,
    unit: Unit,
    zero: Zero,
) -> Meaning {
    Meaning { what, name, plain, within, is_own: false, unit, zero }
}

use Amount::{Number, Off, Unlimited};
use Unit::{Connections, Duration, Millis, Seconds, Switch};
use What::{AcquireTimeout, IdleTimeout, LeakDetection, Lifetime, Minimum, Overflow, Size};
use Zero::Itself;

pub(super) static KNOWN: &[&Known] = &[
    &Known {
        id: "hikari",
        marks: &["hikari", "Hikari"],
        meanings: &[
            own(Size, "maximumPoolSize", "maximumpoolsize", Connections, Itself),
            own(Size, "setMaximumPoolSize", "setmaximumpoolsize", Connections, Itself),
            own(Minimum, "minimumIdle", "minimumidle", Connections, Itself),
            own(Minimum, "setMinimumIdle", "setminimumidle", Connections, Itself),
            shared(AcquireTimeout, "connectionTimeout", "connectiontimeout", "", Millis, Zero::Unlimited),
            own(AcquireTimeout, "setConnectionTimeout", "setconnectiontimeout", Millis, Zero::Unlimited),
            shared(Lifetime, "maxLifetime", "maxlifetime", "", Millis, Zero::Unlimited),
            own(Lifetime, "setMaxLifetime", "setmaxlifetime", Millis, Zero::Unlimited),
            shared(IdleTimeout, "idleTimeout", "idletimeout", "", Millis, Zero::Unlimited),
            own(IdleTimeout, "setIdleTimeout", "setidletimeout", Millis, Zero::Unlimited),
            own(LeakDetection, "leakDetectionThreshold", "leakdetectionthreshold", Millis, Zero::Off),
            own(LeakDetection, "setLeakDetectionThreshold", "setleakdetectionthreshold", Millis, Zero::Off),
        ],
        defaults: [Number(10.0), Number(30.0), Number(1800.0), Number(600.0), Off],
        notes: &[Note {
            key: "minimumidle",
            when: When::Absent,
            text: "without minimumIdle the pool keeps maximumPoolSize connections, and idleTimeout has no effect",
        }],
    },
    &Known {
        id: "pgbouncer",
        marks: &["[pgbouncer]"],
        meanings: &[
            own(Size, "default_pool_size", "defaultpoolsize", Connections, Itself),
            own(Overflow, "reserve_pool_size", "reservepoolsize", Connections, Itself),
            own(Minimum, "min_pool_size", "minpoolsize", Connections, Itself),
            own(AcquireTimeout, "query_wait_timeout", "querywaittimeout", Seconds, Zero::Unlimited),
            own(Lifetime, "server_lifetime", "serverlifetime", Seconds, Zero::Unlimited),
            own(IdleTimeout, "server_idle_timeout", "serveridletimeout", Seconds, Zero::Unlimited),
            own(LeakDetection, "idle_transaction_timeout", "idletransactiontimeout", Seconds, Zero::Off),
        ],
        defaults: [Number(20.0), Number(120.0), Number(3600.0), Number(600.0), Off],
        notes: &[Note {
            key: "poolmode",
            when: When::Absent,
            text: "without pool_mode PgBouncer pools sessions: a client holds its server connection until it leaves",
        }],
    },
    &Known {
        id: "node-postgres",
        marks: &["new Pool(", "pg-pool", "require('pg')", "from 'pg'", "require(\"pg\")", "from \"pg\""],
        meanings: &[
            shared(Size, "max", "max", "", Connections, Itself),
            shared(Minimum, "min", "min", "", Connections, Itself),
            own(AcquireTimeout, "connectionTimeoutMillis", "connectiontimeoutmillis", Millis, Zero::Unlimited),
            own(Lifetime, "maxLifetimeSeconds", "maxlifetimeseconds", Seconds, Zero::Unlimited),
            own(IdleTimeout, "idleTimeoutMillis", "idletimeoutmillis", Millis, Zero::Unlimited),
        ],
        defaults: [Number(10.0), Unlimited, Unlimited, Number(10.0), Off],
        notes: &[],
    },
    &Known {
        id: "prisma",
        marks: &["PrismaPg", "PrismaClient", "prisma://"],
        meanings: &[
            own(Size, "connection_limit", "connectionlimit", Connections, Itself),
            shared(Size, "max", "max", "prismapg", Connections, Itself),
            shared(AcquireTimeout, "pool_timeout", "pooltimeout", "url", Seconds, Zero::Unlimited),
            own(AcquireTimeout, "connectionTimeoutMillis", "connectiontimeoutmillis", Millis, Zero::Unlimited),
            own(Lifetime, "maxLifetimeSeconds", "maxlifetimeseconds", Seconds, Zero::Unlimited),
            own(IdleTimeout, "idleTimeoutMillis", "idletimeoutmillis", Millis, Zero::Unlimited),
        ],
        // up to 6 two for each processor of the application's machine, and one; from 7 on those of node-postgres
        defaults: [Number(10.0), Unlimited, Unlimited, Unlimited, Off],
        notes: &[],
    },
    &Known {
        id: "pgx",
        marks: &["pgxpool"],
        meanings: &[
            own(Size, "pool_max_conns", "poolmaxconns", Connections, Itself),
            own(Size, "MaxConns", "maxconns", Connections, Itself),
            own(Minimum, "pool_min_conns", "poolminconns", Connections, Itself),
            own(Minimum, "MinConns", "minconns", Connections, Itself),
            own(Lifetime, "pool_max_conn_lifetime", "poolmaxconnlifetime", Duration, Zero::Unlimited),
            own(Lifetime, "MaxConnLifetime", "maxconnlifetime", Duration, Zero::Unlimited),
            own(IdleTimeout, "pool_max_conn_idle_time", "poolmaxconnidletime", Duration, Zero::Unlimited),
            own(IdleTimeout, "MaxConnIdleTime", "maxconnidletime", Duration, Zero::Unlimited),
        ],
        // the greater of 4 and the processors of the application's machine
        defaults: [Number(4.0), Unlimited, Number(3600.0), Number(1800.0), Off],
        notes: &[],
    },
    &Known {
        id: "database-sql",
        marks: &["\"database/sql\"", "sql.Open("],
        meanings: &[
            own(Size, "SetMaxOpenConns", "setmaxopenconns", Connections, Zero::Unlimited),
            own(Lifetime, "SetConnMaxLifetime", "setconnmaxlifetime", Duration, Zero::Unlimited),
            own(IdleTimeout, "SetConnMaxIdleTime", "setconnmaxidletime", Duration, Zero::Unlimited),
        ],
        defaults: [Unlimited, Unlimited, Unlimited, Unlimited, Off],
        notes: &[],
    },
    &Known {
        id: "django",
        marks: &["django.db.backends.postgresql", "CONN_MAX_AGE"],
        meanings: &[
            shared(Size, "max_size", "maxsize", "pool", Connections, Itself),
            shared(Size, "min_size", "minsize", "pool", Connections, Itself),
            shared(Minimum, "min_size", "minsize", "pool", Connections, Itself),
            shared(AcquireTimeout, "timeout", "timeout", "pool", Seconds, Itself),
            shared(Lifetime, "max_lifetime", "maxlifetime", "pool", Seconds, Zero::Unlimited),
            own(Lifetime, "CONN_MAX_AGE", "connmaxage", Seconds, Itself),
            shared(IdleTimeout, "max_idle", "maxidle", "pool", Seconds, Zero::Unlimited),
        ],
        // no pool: as many as requests at once
        defaults: [Unlimited, Unlimited, Number(0.0), Number(0.0), Off],
        notes: &[Note {
            key: "pool",
            when: When::Absent,
            text: "no OPTIONS[\"pool\"]: Django opens a connection for every request, or keeps one for each thread with CONN_MAX_AGE",
        }],
    },
    &Known {
        id: "sqlalchemy",
        marks: &["create_engine", "create_async_engine", "sqlalchemy", "postgresql+"],
        meanings: &[
            own(Size, "pool_size", "poolsize", Connections, Zero::Unlimited),
            own(Overflow, "max_overflow", "maxoverflow", Connections, Itself),
            own(AcquireTimeout, "pool_timeout", "pooltimeout", Seconds, Itself),
            own(Lifetime, "pool_recycle", "poolrecycle", Seconds, Itself),
            // psycopg's pool behind it
            shared(Size, "max_size", "maxsize", "connectionpool", Connections, Itself),
            shared(AcquireTimeout, "timeout", "timeout", "connectionpool", Seconds, Itself),
            shared(Lifetime, "max_lifetime", "maxlifetime", "connectionpool", Seconds, Zero::Unlimited),
            shared(IdleTimeout, "max_idle", "maxidle", "connectionpool", Seconds, Zero::Unlimited),
        ],
        defaults: [Number(5.0), Number(30.0), Unlimited, Unlimited, Off],
        notes: &[Note {
            key: "nullpool",
            when: When::Present,
            text: "NullPool is no pool: each use opens a connection, unless another pool stands behind it",
        }],
    },
    &Known {
        id: "psycopg",
        marks: &["psycopg_pool", "ConnectionPool("],
        meanings: &[
            shared(Size, "max_size", "maxsize", "pool", Connections, Itself),
            shared(Size, "min_size", "minsize", "pool", Connections, Itself),
            shared(Minimum, "min_size", "minsize", "pool", Connections, Itself),
            shared(AcquireTimeout, "timeout", "timeout", "pool", Seconds, Itself),
            shared(Lifetime, "max_lifetime", "maxlifetime", "pool", Seconds, Zero::Unlimited),
            shared(IdleTimeout, "max_idle", "maxidle", "pool", Seconds, Zero::Unlimited),
        ],
        defaults: [Number(4.0), Number(30.0), Number(3600.0), Number(600.0), Off],
        notes: &[],
    },
    &Known {
        id: "asyncpg",
        marks: &["asyncpg.create_pool", "asyncpg"],
        meanings: &[
            shared(Size, "max_size", "maxsize", "createpool", Connections, Itself),
            shared(Size, "max_size", "maxsize", "asyncpg", Connections, Itself),
            shared(Minimum, "min_size", "minsize", "createpool", Connections, Itself),
            shared(AcquireTimeout, "timeout", "timeout", "acquire", Seconds, Zero::Unlimited),
            own(
                IdleTimeout,
                "max_inactive_connection_lifetime",
                "maxinactiveconnectionlifetime",
                Seconds,
                Zero::Unlimited,
            ),
        ],
        defaults: [Number(10.0), Unlimited, Unlimited, Number(300.0), Off],
        notes: &[],
    },
    &Known {
        id: "activerecord",
        marks: &["adapter: postgresql", "adapter: postgis", "ActiveRecord"],
        meanings: &[
            shared(Size, "max_connections", "maxconnections", "", Connections, Zero::Unlimited),
            shared(Size, "pool", "pool", "", Connections, Zero::Unlimited),
            shared(Minimum, "min_connections", "minconnections", "", Connections, Itself),
            own(AcquireTimeout, "checkout_timeout", "checkouttimeout", Seconds, Itself),
            own(Lifetime, "max_age", "maxage", Seconds, Zero::Unlimited),
            shared(IdleTimeout, "idle_timeout", "idletimeout", "", Seconds, Zero::Unlimited),
            own(LeakDetection, "reaping_frequency", "reapingfrequency", Switch, Zero::Off),
        ],
        // the reaper runs once a minute, and knows only of threads that ended
        defaults: [Number(5.0), Number(5.0), Unlimited, Number(300.0), Number(60.0)],
        notes: &[],
    },
    &Known {
        id: "sqlx",
        marks: &["PgPoolOptions", "sqlx"],
        meanings: &[
            shared(Size, "max_connections", "maxconnections", "", Connections, Itself),
            shared(Minimum, "min_connections", "minconnections", "", Connections, Itself),
            own(AcquireTimeout, "acquire_timeout", "acquiretimeout", Duration, Itself),
            shared(Lifetime, "max_lifetime", "maxlifetime", "", Duration, Zero::Unlimited),
            shared(IdleTimeout, "idle_timeout", "idletimeout", "", Duration, Zero::Unlimited),
        ],
        defaults: [Number(10.0), Number(30.0), Number(1800.0), Number(600.0), Off],
        notes: &[],
    },
    &Known {
        id: "bb8",
        marks: &["bb8"],
        meanings: &[
            shared(Size, "max_size", "maxsize", "", Connections, Itself),
            shared(Minimum, "min_idle", "minidle", "", Connections, Itself),
            shared(AcquireTimeout, "connection_timeout", "connectiontimeout", "", Duration, Itself),
            shared(Lifetime, "max_lifetime", "maxlifetime", "", Duration, Zero::Unlimited),
            shared(IdleTimeout, "idle_timeout", "idletimeout", "", Duration, Zero::Unlimited),
        ],
        defaults: [Number(10.0), Number(30.0), Number(1800.0), Number(600.0), Off],
        notes: &[],
    },
    &Known {
        id: "deadpool",
        marks: &["deadpool", "[pg.pool]"],
        meanings: &[
            shared(Size, "max_size", "maxsize", "", Connections, Itself),
            shared(AcquireTimeout, "wait", "wait", "timeouts", Duration, Itself),
            own(AcquireTimeout, "wait_timeout", "waittimeout", Duration, Itself),
            shared(AcquireTimeout, "timeouts.wait.secs", "secs", "wait", Seconds, Itself),
        ],
        // two for each processor of the application's machine
        defaults: [Unlimited, Unlimited, Unlimited, Unlimited, Off],
        notes: &[Note {
            key: "retain",
            when: When::Absent,
            text: "deadpool's size defaults to two for each processor of the application's machine, and only retain() closes what \
                   is old or idle",
        }],
    },
    &Known {
        id: "rds-proxy",
        marks: &["AWS::RDS::DBProxy", "aws_db_proxy"],
        meanings: &[
            own(AcquireTimeout, "ConnectionBorrowTimeout", "connectionborrowtimeout", Seconds, Zero::Unlimited),
            own(IdleTimeout, "IdleClientTimeout", "idleclienttimeout", Seconds, Zero::Unlimited),
        ],
        // all of max_connections; a day
        defaults: [Unlimited, Number(120.0), Number(86_400.0), Number(1800.0), Off],
        notes: &[],
    },
];
