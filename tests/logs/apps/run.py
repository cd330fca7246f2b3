"""Runs one application in one regime against a server and writes down what it did.

    run.py --url URI --app APP --regime REGIME --manifest FILE [--pooler URI] [--requests N] [--scenario NAME]…

The manifest is JSON: for every scenario, which is the name of its database, the requests made, the groups of statements
that a report has to find, and the statements that the server counted (pg_stat_statements), in all and by their first
word. Run it on one server one at a time: applications share the databases.
"""

import argparse
import itertools
import json
import re
import threading
import time

import psycopg
from psycopg.conninfo import conninfo_to_dict

import shop

APPLICATIONS = ("sqlalchemy-psycopg3", "sqlalchemy-psycopg2", "django-client", "django-server")
# what this program does for itself is not in the log
UNLOGGED = "-c log_min_duration_statement=-1 -c log_statement=none -c log_duration=off"


def application_class(name):
    if name.startswith("sqlalchemy"):
        import sqlalchemy_app as module
    else:
        import django_app as module
    return module.Application


def administrator(place, database):
    return psycopg.connect(**{**place, "dbname": database}, options=UNLOGGED, application_name="setup", autocommit=True)


def prepare(place, scenarios):
    """A database for each scenario, all alike, and counters that begin at nothing."""
    with administrator(place, "postgres") as session:
        session.execute("create extension if not exists pg_stat_statements")
        there = {name for (name,) in session.execute("select datname from pg_database")}
        if "shop" not in there:
            session.execute("create database shop template template0")
            with administrator(place, "shop") as template:
                template.execute(shop.SCHEMA)
        for scenario in scenarios:
            if scenario.name not in there:
                session.execute(f"create database {scenario.name} template shop")
    for scenario in scenarios:
        with administrator(place, scenario.name) as session:
            session.execute(shop.RESTORE)
    with administrator(place, "postgres") as session:
        session.execute("select pg_stat_statements_reset()")


def first_word(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S).split(None, 1)[0].upper().rstrip(";")


def counted(place, scenario):
    """What the server counted in the database of a scenario, by the first word of the statement."""
    with administrator(place, "postgres") as session:
        rows = session.execute(
            "select query, calls from pg_stat_statements join pg_database d on d.oid = dbid where datname = %s",
            [scenario.name],
        ).fetchall()
    kinds = {}
    for query, calls in rows:
        word = first_word(query)
        # counted from PostgreSQL 17 on only
        if word != "DEALLOCATE":
            kinds[word] = kinds.get(word, 0) + calls
    return dict(sorted(kinds.items()))


def serve(application, regime, requests):
    """All requests of a scenario, on as many threads as the regime has; the first failure is raised."""
    numbers = itertools.count()
    failures = []

    def work():
        try:
            while not failures and (number := next(numbers)) < requests:
                application.request(number)
                if regime.think:
                    time.sleep(regime.think)
        except Exception as failure:  # noqa: BLE001
            failures.append(failure)
        finally:
            application.end_of_thread()

    threads = [threading.Thread(target=work) for _ in range(regime.threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def run(scenario, name, regime, place, through, requests):
    application = application_class(name)(name, regime, through, scenario.name)
    if scenario.alone:
        application.alone()
        application.close()
        requests = 1
    else:
        serve(application, regime, requests)
        application.close()
    kinds = counted(place, scenario)
    groups = [
        {
            "kind": group.kind,
            "parent_table": group.parent,
            "child_table": group.child,
            "times_per_request": group.times,
            "requests": -(-requests // group.one_in),
        }
        for group in scenario.groups
    ]
    # without a tag or a transaction the clients of a pooler cannot be told apart: nothing is certain there
    mixed = regime.name == shop.MIXED_CLIENTS
    return {
        "database": scenario.name,
        "route": shop.route(scenario.name) if regime.tagged else None,
        "requests": requests,
        "expected": [] if mixed else groups,
        "at_most_suspected": groups if mixed else [],
        "executions": sum(kinds.values()),
        "executions_by_kind": kinds,
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True, help="the server; its database is not used")
    parser.add_argument("--pooler", help="PgBouncer in transaction mode in front of the same server")
    parser.add_argument("--app", required=True, choices=APPLICATIONS)
    parser.add_argument("--regime", required=True, choices=shop.REGIMES)
    parser.add_argument("--requests", type=int, default=20)
    parser.add_argument("--scenario", action="append", choices=[scenario.name for scenario in shop.SCENARIOS])
    parser.add_argument("--manifest", required=True)
    arguments = parser.parse_args()

    regime = shop.REGIMES[arguments.regime]
    if regime.pooler and not arguments.pooler:
        parser.error(f"the regime {regime.name} needs --pooler")
    place = conninfo_to_dict(arguments.url)
    place.pop("dbname", None)
    through = conninfo_to_dict(arguments.pooler) if regime.pooler else place
    wanted = [
        scenario
        for scenario in shop.SCENARIOS
        if regime.name not in scenario.not_in and scenario.name in (arguments.scenario or [scenario.name])
    ]
    prepare(place, wanted)
    scenarios = [run(scenario, arguments.app, regime, place, through, arguments.requests) for scenario in wanted]
    manifest = {
        "app": arguments.app,
        "regime": regime.name,
        "boundary": regime.boundary,
        # whether the log tells exactly where each request begins and ends
        "exact": regime.boundary in ("trace", "transaction", "connection", "reset-mark"),
        "scenarios": scenarios,
    }
    with open(arguments.manifest, "w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
