"""The shop on Django, served by its own WSGI handler: values written into the text (its default with psycopg 3), or
parameters sent apart (`server_side_binding`)."""

import io
import threading
import time
from decimal import Decimal

import django
from django.conf import settings

import shop

NAMES = {"django-client": False, "django-server": True}

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql"}},
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[],
    MIDDLEWARE=[f"{__name__}.Tagging"],
    ALLOWED_HOSTS=["*"],
    SECRET_KEY="of a test",
    USE_TZ=True,
    TIME_ZONE="UTC",
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    LOGGING_CONFIG=None,
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, connections, models, transaction  # noqa: E402
from django.db.models import Count  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402


class Author(models.Model):
    name = models.TextField()
    country = models.IntegerField()

    class Meta:
        app_label = "shop"
        db_table = "authors"


class Book(models.Model):
    author = models.ForeignKey(Author, models.CASCADE, related_name="books")
    title = models.TextField()
    shelf = models.IntegerField()
    price = models.DecimalField(max_digits=8, decimal_places=2)
    published = models.DateField()

    class Meta:
        app_label = "shop"
        db_table = "books"


class Review(models.Model):
    book = models.ForeignKey(Book, models.CASCADE, related_name="reviews")
    stars = models.IntegerField()
    body = models.TextField()

    class Meta:
        app_label = "shop"
        db_table = "reviews"


class Award(models.Model):
    author = models.ForeignKey(Author, models.CASCADE, related_name="awards")
    name = models.TextField()

    class Meta:
        app_label = "shop"
        db_table = "awards"


class Setting(models.Model):
    key = models.TextField(primary_key=True)
    value = models.TextField()

    class Meta:
        app_label = "shop"
        db_table = "settings"


class User(models.Model):
    email = models.TextField()

    class Meta:
        app_label = "shop"
        db_table = "users"


class Job(models.Model):
    state = models.TextField()

    class Meta:
        app_label = "shop"
        db_table = "jobs"


class Event(models.Model):
    kind = models.TextField()
    payload = models.TextField()

    class Meta:
        app_label = "shop"
        db_table = "events"


# ------------------------------------------------------------------------------------------------ what a request does


def authors_of(request):
    return Author.objects.filter(country=request % 4).order_by("name")


def shelf_of(request):
    return Book.objects.filter(shelf=request % 4 * 10 + request % 5).order_by("title")


def lazy_one_to_many(request):
    return sum(len(author.books.all()) for author in authors_of(request))


def lazy_many_to_one(request):
    return [book.author.name for book in shelf_of(request)]


def lazy_nested(request):
    authors = Author.objects.filter(country=request % 4).order_by("id")[: shop.SHORT_LIST]
    return sum(review.stars for author in authors for book in author.books.all() for review in book.reviews.all())


def lazy_two_children(request):
    return [(len(author.books.all()), len(author.awards.all())) for author in authors_of(request)]


def count_per_row(request):
    return [author.books.count() for author in authors_of(request)]


def exists_per_row(request):
    return [author.books.filter(price__gt=12).exists() for author in authors_of(request)]


def latest_per_row(request):
    return [author.books.order_by("-published").first() for author in authors_of(request)]


def write_per_row(request):
    for number, book in enumerate(shelf_of(request)):
        book.price = Decimal(20 + request) + Decimal(number) / 100
        book.save()


def duplicate_lookup(request):
    for _ in range(shop.DUPLICATES):
        Setting.objects.get(key=f"key{request % 5 + 1}")


def insert_loop(request):
    for number in range(shop.INSERTS):
        Event.objects.create(kind=f"kind {request}", payload=f"{number} {shop.FORGED}")


def mixed(request):
    match request % 4:
        case 0:
            lazy_one_to_many(request // 4)
        case 1:
            eager_second_query(request)
        case 2:
            User.objects.get(id=request + 1)
        case _:
            Event.objects.create(kind="visit", payload=f"{request}")


def eager_second_query(request):
    authors = Author.objects.filter(country=request % 4).prefetch_related("books")
    return sum(len(author.books.all()) for author in authors)


def eager_join(request):
    return [book.author.name for book in Book.objects.filter(shelf=request % 4 * 10).select_related("author")]


def keyset_pages(request):
    last = request
    for _ in range(shop.PAGES):
        last = list(Review.objects.filter(id__gt=last).order_by("id")[:10])[-1].id


def offset_pages(request):
    for page in range(shop.PAGES):
        start = request + page * 10
        list(Review.objects.order_by("id")[start : start + 10])


def cursor_fetches(request):
    for _ in Review.objects.filter(id__gte=request).order_by("id").iterator(chunk_size=50):
        pass


def many_queries(request):
    """The front page: a little of everything, everything once."""
    for model in (Author, Book, Review, Award, Setting, User, Job, Event):
        model.objects.count()
    for model in (Author, Book, Review, Award, User):
        model.objects.filter(id=request).first()
    list(Book.objects.order_by("-published").values_list("title")[:5])
    list(Review.objects.values("stars").annotate(Count("id")))


def bulk_insert(request):
    Event.objects.bulk_create(
        Event(kind=f"bulk {request}", payload=f"{number} {shop.FORGED}") for number in range(shop.INSERTS)
    )


def server_side_loop(request):
    with connection.cursor() as cursor:
        cursor.execute("select reviews_of(%s)", [request % 4])
        cursor.fetchone()


# -------------------------------------------------------------------------------------- what decides on its own requests


def polling():
    for _ in range(shop.POLLS):
        list(Job.objects.filter(state="failed").order_by("id")[:5])
        time.sleep(shop.POLL_SECONDS)


def batch_worker():
    for _ in range(shop.TRANSACTIONS):
        with transaction.atomic():
            job = Job.objects.select_for_update(skip_locked=True).filter(state="queued").order_by("id")[0]
            job.state = "done"
            job.save()


def lookups():
    for number in range(shop.LOOKUPS):
        User.objects.get(id=(number * 37 + 5) % 500 + 1)


# ------------------------------------------------------------------------------------------------- the web application


class Tagging:
    """Appends the comment of sqlcommenter to every statement of a request, where the regime wants it."""

    wanted = False

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if not self.wanted:
            return self.get_response(request)
        _, scenario, number = request.path.strip("/").split("/")
        span = 0

        def tag(execute, sql, params, many, context):
            nonlocal span
            span += 1
            text = shop.comment(scenario, int(number), span)
            return execute(sql + (text if params is None else text.replace("%", "%%")), params, many, context)

        with connection.execute_wrapper(tag):
            return self.get_response(request)


def page(request, scenario, number):
    globals()[scenario](number)
    return HttpResponse(b"", content_type="text/plain")


urlpatterns = [path("shop/<str:scenario>/<int:number>", page)]


class Application:
    """One database of the server, reached as the regime says."""

    handler = get_wsgi_application()
    lock = threading.Lock()
    threads = 0

    def __init__(self, name, regime, place, scenario):
        self.regime = regime
        self.scenario = scenario
        Tagging.wanted = regime.tagged
        self.settings = connections.databases["default"]
        self.settings.update(
            NAME=scenario,
            HOST=place["host"],
            PORT=place["port"],
            USER=place["user"],
            CONN_MAX_AGE=0 if regime.connect else None,
            CONN_HEALTH_CHECKS=regime.ping,
            ATOMIC_REQUESTS=regime.transaction,
            DISABLE_SERVER_SIDE_CURSORS=False,
        )
        self.settings["OPTIONS"] = {"server_side_binding": NAMES[name], "application_name": "web"}

    def request(self, number):
        if self.regime.pooler:
            self.name_thread()
        environment = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": f"/shop/{self.scenario}/{number}",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": io.StringIO(),
            "wsgi.url_scheme": "http",
        }
        started = []
        response = self.handler(environment, lambda status, _headers: started.append(status))
        response.close()
        if started != ["200 OK"]:
            raise RuntimeError(f"{self.scenario}: {started}")

    def name_thread(self):
        # several services behind one pooler
        if connection.connection is None:
            with self.lock:
                Application.threads += 1
                connection.settings_dict = dict(connection.settings_dict)
                options = dict(connection.settings_dict["OPTIONS"], application_name=f"web{self.threads % 2 + 1}")
                connection.settings_dict["OPTIONS"] = options

    def alone(self):
        globals()[self.scenario]()

    def end_of_thread(self):
        # the next scenario has other settings, and so another connection
        for used in connections.all(initialized_only=True):
            used.close()
            del connections[used.alias]

    def close(self):
        self.end_of_thread()
