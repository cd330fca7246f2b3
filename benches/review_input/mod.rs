//! A folder of migrations of any length: what a shop of many tables does to them over the years, ten lines to a file on
//! the average, half of it harmless.

use std::fmt::Write;

/// Files of a history of about so many lines: name and text. The same every time.
pub(crate) fn history(lines: usize) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut written = 0;
    let mut number = 0;
    while written < lines {
        number += 1;
        let text = migration(number);
        written += text.lines().count();
        files.push((format!("V{number}__step_{number}.sql"), text));
    }
    files
}

/// One migration: every tenth makes tables, the others change those that are there.
fn migration(number: usize) -> String {
    let mut text = format!("-- step {number}\nset lock_timeout = '2s';\n");
    let table = |back: usize| format!("shop.orders_{}", (number / 10).saturating_sub(back % 7));
    if number % 10 == 1 {
        let own = number / 10;
        if own == 0 {
            text.push_str("create schema shop;\n");
        }
        let _ = write!(
            text,
            "create table shop.customers_{own} (\n    id bigint generated always as identity primary key,\n    \
             email text not null unique,\n    created_at timestamptz not null default now()\n);\n\
             create table shop.orders_{own} (\n    id bigint generated always as identity primary key,\n    \
             customer bigint not null references shop.customers_{own} (id),\n    total numeric(10,2) not null default 0,\n    \
             state text check (state in ('new', 'paid', 'sent')),\n    placed_at timestamptz not null default now()\n);\n\
             create index orders_{own}_customer on shop.orders_{own} (customer);\n"
        );
        return text;
    }
    for statement in 0..6 {
        let own = table(number + statement);
        let column = format!("c{number}_{statement}");
        match (number * 7 + statement * 3) % 12 {
            0 => writeln!(text, "alter table {own} add column {column} text;"),
            1 => writeln!(text, "alter table {own} add column {column} uuid default gen_random_uuid();"),
            2 => writeln!(text, "create index {column}_idx on {own} (placed_at, total);"),
            3 => writeln!(text, "create index concurrently {column}_cidx on {own} (state);"),
            4 => writeln!(text, "alter table {own} add constraint {column}_check check (total >= 0) not valid;"),
            5 => writeln!(text, "alter table {own} alter column total type numeric(12,2);"),
            6 => writeln!(text, "alter table {own} alter column state set not null;"),
            7 => writeln!(text, "update {own} set state = 'new' where state is null;"),
            8 => writeln!(text, "comment on table {own} is 'step {number}, statement {statement}';"),
            9 => writeln!(
                text,
                "create view shop.{column} as\n    select o.id, o.total, o.placed_at\n    from {own} as o\n    \
                 where o.state = 'paid' and o.placed_at > now() - interval '30 days';"
            ),
            10 => writeln!(
                text,
                "insert into {own} (customer, total, state)\nselect customer, total, 'new' from {own} where total > 100;"
            ),
            _ => writeln!(text, "grant select on {own} to public;"),
        }
        .unwrap_or_default();
    }
    text
}
