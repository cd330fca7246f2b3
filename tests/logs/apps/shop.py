"""The shop that every application serves: its tables, its rows, and what each scenario is written to do."""

from dataclasses import dataclass, field

# What the server is given before any application starts; one database is made for each scenario, so that what a log
# says can be attributed by its database.
SCHEMA = """
create table authors (id int primary key, name text not null, country int not null);
create table books (id int primary key, author_id int not null references authors, title text not null,
                    shelf int not null, price numeric(8, 2) not null, published date not null);
create table reviews (id int primary key, book_id int not null references books, stars int not null, body text not null);
create table awards (id int primary key, author_id int not null references authors, name text not null);
create table settings (key text primary key, value text not null);
create table users (id int primary key, email text not null);
create table jobs (id int primary key, state text not null);
create table events (id serial primary key, kind text not null, payload text not null);
create index on books (author_id);
create index on books (shelf);
create index on reviews (book_id);
create index on awards (author_id);
insert into authors select n, 'Author ' || n, n % 4 from generate_series(0, 47) n;
insert into books select a * 5 + b, a, 'It''s book ' || b || ' of ' || a, a % 4 * 10 + b, 10 + b, date '2020-01-01' + b
    from generate_series(0, 47) a, generate_series(0, 4) b;
insert into reviews select b * 3 + r, b, r + 1, 'Review ' || r from generate_series(0, 239) b, generate_series(0, 2) r;
insert into awards select a * 2 + w, a, 'Award ' || w from generate_series(0, 47) a, generate_series(0, 1) w;
insert into settings select 'key' || n, 'value ' || n from generate_series(1, 5) n;
insert into users select n, 'user' || n || '@example.com' from generate_series(1, 500) n;
insert into jobs select n, 'queued' from generate_series(1, 400) n;
create function reviews_of(of_country int) returns bigint language plpgsql as $$
declare
    author record;
    total bigint := 0;
begin
    for author in select id from authors where country = of_country loop
        total := total + (select count(*) from reviews r join books b on b.id = r.book_id where b.author_id = author.id);
    end loop;
    return total;
end $$;
analyze;
"""

# Undoes what a scenario did, so that the next application finds the same shop.
RESTORE = """
update jobs set state = 'queued' where state <> 'queued';
update books set price = 10 + id % 5 where price <> 10 + id % 5;
truncate events restart identity;
"""

# A list of one country has this many authors, a shelf this many books, each by another author.
LIST = 12
# The authors of the list that the nested scenario shows, and the books of each.
SHORT_LIST = 6
BOOKS = 5
# How often one request repeats what it repeats without a list.
DUPLICATES = 20
INSERTS = 20
PAGES = 8
LOOKUPS = 200
TRANSACTIONS = 300
POLLS = 25
POLL_SECONDS = 0.05

# A value that looks like log lines, in the log as well as in the table.
FORGED = (
    "it's fine\n2026-11-22 02:00:16.670 UTC [1] LOG:  duration: 1.000 ms  statement: SELECT 1\n"
    '\tDETAIL:  parameters: $1 = \'1\'\n2026-11-22 02:00:16.670 UTC,"postgres","shop",1,,,,,,,,LOG,00000,"duration: 9 ms"\n'
)


@dataclass(frozen=True)
class Group:
    """Statements that a request repeats, as a report has to name them."""

    kind: str
    child: str
    times: int
    parent: str | None = None
    # of so many requests one does it
    one_in: int = 1


@dataclass(frozen=True)
class Scenario:
    """One thing that an application does again and again."""

    name: str
    groups: tuple[Group, ...] = ()
    # runs once, on one connection, and decides itself what a request is
    alone: bool = False
    # regimes in which it makes no sense
    not_in: tuple[str, ...] = field(default=())


def n_plus_one(parent, child, times, one_in=1):
    return Group("n-plus-one", child, times, parent, one_in)


TAGGED = "pgbouncer-tagged"
MIXED_CLIENTS = "pgbouncer-autocommit"
POOLERS = ("pgbouncer", TAGGED, MIXED_CLIENTS)

SCENARIOS = (
    Scenario("lazy_one_to_many", (n_plus_one("authors", "books", LIST),)),
    Scenario("lazy_many_to_one", (n_plus_one("books", "authors", LIST),)),
    Scenario(
        "lazy_nested",
        (n_plus_one("authors", "books", SHORT_LIST), n_plus_one("books", "reviews", SHORT_LIST * BOOKS)),
    ),
    Scenario("lazy_two_children", (n_plus_one("authors", "books", LIST), n_plus_one("authors", "awards", LIST))),
    Scenario("count_per_row", (n_plus_one("authors", "books", LIST),)),
    Scenario("exists_per_row", (n_plus_one("authors", "books", LIST),)),
    Scenario("latest_per_row", (n_plus_one("authors", "books", LIST),)),
    Scenario("write_per_row", (Group("n-plus-one-write", "books", LIST, "books"),)),
    Scenario("duplicate_lookup", (Group("duplicate-query", "settings", DUPLICATES),)),
    Scenario("insert_loop", (Group("insert-loop", "events", INSERTS),)),
    # one page in four is lazy, the others are not
    Scenario("mixed", (n_plus_one("authors", "books", LIST, one_in=4),)),
    Scenario("eager_second_query"),
    Scenario("eager_join"),
    Scenario("keyset_pages"),
    Scenario("offset_pages"),
    # a cursor without a transaction cannot go through a pooler
    Scenario("cursor_fetches", not_in=(TAGGED, MIXED_CLIENTS)),
    Scenario("many_queries"),
    Scenario("bulk_insert"),
    Scenario("server_side_loop"),
    Scenario("polling", alone=True, not_in=POOLERS),
    Scenario("batch_worker", alone=True, not_in=(TAGGED, MIXED_CLIENTS)),
    Scenario("lookups", alone=True, not_in=(TAGGED,)),
)


@dataclass(frozen=True)
class Regime:
    """How requests get their connections."""

    name: str
    # requests at the same time
    threads: int = 1
    # everything of a request in one transaction
    transaction: bool = False
    # a connection of its own for each request
    connect: bool = False
    # a ping whenever the pool lends a connection
    ping: bool = False
    pooler: bool = False
    tagged: bool = False
    # seconds between two requests
    think: float = 0.0
    # what tells a request in the log, in the words of the report
    boundary: str = "none"


REGIMES = {
    regime.name: regime
    for regime in (
        Regime("connect", connect=True, boundary="connection"),
        Regime("pool-ping", ping=True, boundary="reset-mark"),
        Regime("pool-autocommit", think=0.15, boundary="gap"),
        Regime("pool-transaction", threads=3, transaction=True, boundary="transaction"),
        Regime("pgbouncer", threads=6, transaction=True, pooler=True, boundary="transaction"),
        Regime(TAGGED, threads=4, pooler=True, tagged=True, boundary="trace"),
        Regime(MIXED_CLIENTS, threads=4, pooler=True),
    )
}


def route(scenario):
    """The route of a scenario as a web framework would name it."""
    return f"/shop/{scenario}"


def comment(scenario, request, span):
    """What sqlcommenter appends to a statement: one trace for each request, another span for each statement."""
    trace = f"{abs(hash_of(scenario)):08x}{request + 1:024x}"
    encoded = route(scenario).replace("/", "%2F")
    return f" /*route='{encoded}',traceparent='00-{trace}-{span + 1:016x}-01'*/"


def hash_of(text):
    """The same on every run, unlike the language's own."""
    value = 2166136261
    for byte in text.encode():
        value = (value ^ byte) * 16777619 % 2**32
    return value
