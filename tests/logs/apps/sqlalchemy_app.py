"""The shop on SQLAlchemy's ORM: with psycopg 3 (parameters sent apart, statements prepared by name after five
executions) or with psycopg2 (values written into the text)."""

import datetime
import itertools
import threading
import time
from decimal import Decimal

from sqlalchemy import ForeignKey, create_engine, event, exists, func, select
from sqlalchemy.engine import URL
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, joinedload, mapped_column, relationship, selectinload
from sqlalchemy.pool import NullPool, QueuePool

import shop

DRIVERS = {"sqlalchemy-psycopg3": "postgresql+psycopg", "sqlalchemy-psycopg2": "postgresql+psycopg2"}


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "authors"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    country: Mapped[int]
    books: Mapped[list["Book"]] = relationship(back_populates="author")
    awards: Mapped[list["Award"]] = relationship(back_populates="author")


class Book(Base):
    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"))
    title: Mapped[str]
    shelf: Mapped[int]
    price: Mapped[Decimal]
    published: Mapped[datetime.date]
    author: Mapped[Author] = relationship(back_populates="books")
    reviews: Mapped[list["Review"]] = relationship(back_populates="book")


class Review(Base):
    __tablename__ = "reviews"
    id: Mapped[int] = mapped_column(primary_key=True)
    book_id: Mapped[int] = mapped_column(ForeignKey("books.id"))
    stars: Mapped[int]
    body: Mapped[str]
    book: Mapped[Book] = relationship(back_populates="reviews")


class Award(Base):
    __tablename__ = "awards"
    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"))
    name: Mapped[str]
    author: Mapped[Author] = relationship(back_populates="awards")


class Setting(Base):
    __tablename__ = "settings"
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]


class Job(Base):
    __tablename__ = "jobs"
    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str]


class Event(Base):
    __tablename__ = "events"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    payload: Mapped[str]


# ------------------------------------------------------------------------------------------------ what a request does


def authors_of(session, request):
    country = request % 4
    return session.scalars(select(Author).where(Author.country == country).order_by(Author.name)).all()


def shelf_of(session, request):
    shelf = request % 4 * 10 + request % 5
    return session.scalars(select(Book).where(Book.shelf == shelf).order_by(Book.title)).all()


def lazy_one_to_many(session, request):
    return sum(len(author.books) for author in authors_of(session, request))


def lazy_many_to_one(session, request):
    return [book.author.name for book in shelf_of(session, request)]


def lazy_nested(session, request):
    query = select(Author).where(Author.country == request % 4).order_by(Author.id).limit(shop.SHORT_LIST)
    return sum(review.stars for author in session.scalars(query).all() for book in author.books for review in book.reviews)


def lazy_two_children(session, request):
    return [(len(author.books), len(author.awards)) for author in authors_of(session, request)]


def count_per_row(session, request):
    return [
        session.scalar(select(func.count()).select_from(Book).where(Book.author_id == author.id))
        for author in authors_of(session, request)
    ]


def exists_per_row(session, request):
    return [
        session.scalar(select(exists().where(Book.author_id == author.id, Book.price > 12)))
        for author in authors_of(session, request)
    ]


def latest_per_row(session, request):
    return [
        session.scalars(
            select(Book).where(Book.author_id == author.id).order_by(Book.published.desc()).limit(1)
        ).one()
        for author in authors_of(session, request)
    ]


def write_per_row(session, request):
    for number, book in enumerate(shelf_of(session, request)):
        book.price = Decimal(20 + request) + Decimal(number) / 100
    session.commit()


def duplicate_lookup(session, request):
    key = f"key{request % 5 + 1}"
    for _ in range(shop.DUPLICATES):
        session.execute(select(Setting.value).where(Setting.key == key)).scalar_one()


def insert_loop(session, request):
    for number in range(shop.INSERTS):
        session.add(Event(kind=f"kind {request}", payload=f"{number} {shop.FORGED}"))
        session.flush()
    session.commit()


def mixed(session, request):
    match request % 4:
        case 0:
            lazy_one_to_many(session, request // 4)
        case 1:
            eager_second_query(session, request)
        case 2:
            session.execute(select(User.email).where(User.id == request + 1)).scalar_one()
        case _:
            session.add(Event(kind="visit", payload=f"{request}"))
            session.commit()


def eager_second_query(session, request):
    query = select(Author).where(Author.country == request % 4).options(selectinload(Author.books))
    return sum(len(author.books) for author in session.scalars(query).all())


def eager_join(session, request):
    query = select(Book).where(Book.shelf == request % 4 * 10).options(joinedload(Book.author))
    return [book.author.name for book in session.scalars(query).all()]


def keyset_pages(session, request):
    last = request
    for _ in range(shop.PAGES):
        last = session.scalars(select(Review).where(Review.id > last).order_by(Review.id).limit(10)).all()[-1].id


def offset_pages(session, request):
    for page in range(shop.PAGES):
        session.scalars(select(Review).order_by(Review.id).limit(10).offset(request + page * 10)).all()


def cursor_fetches(session, request):
    # a cursor wants a transaction, whatever the other requests of this pool have
    session.connection(execution_options={"isolation_level": "READ COMMITTED"})
    query = select(Review).where(Review.id >= request).order_by(Review.id)
    for _ in session.scalars(query.execution_options(yield_per=50, stream_results=True)):
        pass


def many_queries(session, request):
    """The front page: a little of everything, everything once."""
    for model in (Author, Book, Review, Award, Setting, User, Job, Event):
        session.scalar(select(func.count()).select_from(model))
    for model in (Author, Book, Review, Award, User):
        session.execute(select(model.__table__).where(model.__table__.c.id == request)).first()
    session.execute(select(Book.title).order_by(Book.published.desc()).limit(5)).all()
    session.execute(select(Review.stars, func.count()).group_by(Review.stars)).all()


def bulk_insert(session, request):
    # a plain executemany would be one execution a row with psycopg 3; rows whose keys the ORM wants back are one INSERT
    session.add_all(Event(kind=f"bulk {request}", payload=f"{number} {shop.FORGED}") for number in range(shop.INSERTS))
    session.commit()


def server_side_loop(session, request):
    session.scalar(select(func.reviews_of(request % 4)))


# -------------------------------------------------------------------------------------- what decides on its own requests


def polling(application):
    with application.autocommit() as session:
        for _ in range(shop.POLLS):
            session.execute(select(Job.id).where(Job.state == "failed").order_by(Job.id).limit(5)).all()
            time.sleep(shop.POLL_SECONDS)


def batch_worker(application):
    with application.transactions() as session:
        for _ in range(shop.TRANSACTIONS):
            query = select(Job).where(Job.state == "queued").order_by(Job.id).limit(1)
            job = session.scalars(query.with_for_update(skip_locked=True)).one()
            job.state = "done"
            session.commit()


def lookups(application):
    with application.autocommit() as session:
        for number in range(shop.LOOKUPS):
            session.execute(select(User.email).where(User.id == (number * 37 + 5) % 500 + 1)).scalar_one()


# --------------------------------------------------------------------------------------------------------- connections


class Application:
    """One database of the server, reached as the regime says."""

    def __init__(self, name, regime, place, scenario):
        self.regime = regime
        self.scenario = scenario
        driver = DRIVERS[name]
        arguments = {}
        if driver == "postgresql+psycopg" and regime.pooler:
            # PgBouncer before 1.21 knows nothing of prepared statements
            arguments["prepare_threshold"] = None
        url = URL.create(driver, username=place["user"], database=scenario, query={"host": place["host"], "port": place["port"]})
        pool = (
            {"poolclass": NullPool}
            if regime.connect
            else {"poolclass": QueuePool, "pool_size": regime.threads, "pool_pre_ping": regime.ping}
        )
        if not regime.transaction and not regime.connect:
            pool["isolation_level"] = "AUTOCOMMIT"
        self.engine = create_engine(url, connect_args=arguments, **pool)
        self.local = threading.local()
        names = itertools.count()

        @event.listens_for(self.engine, "do_connect")
        def name_it(_dialect, _record, _arguments, keywords):
            # several services behind one pooler
            number = next(names) % 2 + 1 if regime.pooler else ""
            keywords["application_name"] = f"web{number}"

        if regime.tagged:

            @event.listens_for(self.engine, "before_cursor_execute", retval=True)
            def tag(_connection, _cursor, statement, parameters, _context, _many):
                self.local.span += 1
                return statement + shop.comment(scenario, self.local.request, self.local.span).replace("%", "%%"), parameters

    def request(self, number):
        self.local.request = number
        self.local.span = 0
        with Session(self.engine) as session:
            globals()[self.scenario](session, number)

    def alone(self):
        globals()[self.scenario](self)

    def autocommit(self):
        return Session(self.engine.execution_options(isolation_level="AUTOCOMMIT"))

    def transactions(self):
        engine = self.engine.execution_options(isolation_level="READ COMMITTED")
        return Session(engine)

    def end_of_thread(self):
        pass

    def close(self):
        self.engine.dispose()
