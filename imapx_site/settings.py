"""Settings, all from the environment; docs/operating.md lists them with their defaults and reasons."""

from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from csp.constants import NONCE, NONE, SELF
from environs import Env
from marshmallow.validate import Length, OneOf, Range

from imapx_site.secret_key import read_or_make_secret_key
from imapx_site.unfold import UNFOLD  # noqa: F401 - a setting

env = Env()

BASE_DIR = Path(__file__).resolve().parent.parent

with env.prefixed("IMAPX_"):
    DATA_DIR = BASE_DIR / env.str("DATA_DIR", "var")  # an absolute path replaces BASE_DIR
    DEBUG = env.bool("DEBUG", True)
    SECRET_KEY = env.str("SECRET_KEY", "") or read_or_make_secret_key(DATA_DIR / "secret-key")
    ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"])
    CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])
    TIME_ZONE = env.str("TIME_ZONE", "UTC")

    IMAPX: dict[str, Any] = {
        # Certificate and key of IMAPS; empty: a self-signed pair is made in the data directory.
        "TLS_CERTIFICATE": env.str("TLS_CERTIFICATE", ""),
        "TLS_KEY": env.str("TLS_KEY", ""),
        # How users log in at --engine URL: passthrough (their own credentials) or master (Dovecot's master user).
        "ENGINE_LOGIN": env.str("ENGINE_LOGIN", "passthrough", validate=OneOf(["passthrough", "master"])),
        "ENGINE_MASTER_USER": env.str("ENGINE_MASTER_USER", ""),
        "ENGINE_MASTER_PASSWORD": env.str("ENGINE_MASTER_PASSWORD", ""),
        # For imap://; off sends passwords in plain text.
        "ENGINE_TLS": env.str("ENGINE_TLS", "starttls", validate=OneOf(["starttls", "off"])),
        # PEM file of certificates to trust instead of the system's.
        "ENGINE_CA": env.str("ENGINE_CA", ""),
        # Names without case, as most servers compare them: else Ann and ann would be two users of one mailbox.
        "ENGINE_LOWERCASE": env.bool("ENGINE_LOWERCASE", True),
        # The client's address goes to the engine by ID; it counts there from trusted networks alone.
        "ENGINE_SEND_ORIGIN": env.bool("ENGINE_SEND_ORIGIN", True),
        # Where the web is served apart from runimap: the engine's URL, to let in mail users whose password it knows.
        "WEB_ENGINE": env.str("WEB_ENGINE", ""),
        # For all of a login there, as long as Dovecot's own proxy waits; less than LOGIN_SECONDS, or the client would
        # be closed without an answer.
        "ENGINE_LOGIN_SECONDS": env.float("ENGINE_LOGIN_SECONDS", 30),
        # Load balancers: who comes from these networks begins with a PROXY header, which names the client.
        "PROXY_FROM": env.list("PROXY_FROM", [], subcast=lambda text: ip_network(text.strip())),
        # start:rate:full, OpenSSH's MaxStartups: from 10 clients that are not logged in on, 30 of a hundred new ones
        # are dropped, more with each, and all at 100.
        "PREAUTH_SLOTS": env.list("PREAUTH_SLOTS", [10, 30, 100], subcast=int, delimiter=":", validate=Length(equal=3)),
        # One mail client opens up to five (Dovecot 10).
        "CONNECTIONS_PER_USER_ADDRESS": env.int("CONNECTIONS_PER_USER_ADDRESS", 10),
        # How long the answer to a failed login waits, twice as long after each from one address (Dovecot 2 to 15 s),
        "FAILED_LOGIN_SECONDS": env.float("FAILED_LOGIN_SECONDS", 2),
        "FAILED_LOGIN_MAX_SECONDS": env.float("FAILED_LOGIN_MAX_SECONDS", 15),
        # and when that address has been quiet for so long, it begins anew (OpenSSH's longest penalty).
        "FAILED_LOGIN_FORGET_SECONDS": env.float("FAILED_LOGIN_FORGET_SECONDS", 600),
        # On one connection, before BYE: a person's typing errors; OpenSSH 6.
        "FAILED_LOGINS_PER_CONNECTION": env.int("FAILED_LOGINS_PER_CONNECTION", 3),
        # Absolute, so that a client which drips bytes can't keep its place (OpenSSH 120 s, Dovecot 180 s).
        "LOGIN_SECONDS": env.float("LOGIN_SECONDS", 60),
        # RFC 3501 section 5.4: an autologout timer must be at least 30 minutes.
        "IDLE_SECONDS": env.float("IDLE_SECONDS", 1800),
        "DRAIN_SECONDS": env.float("DRAIN_SECONDS", 30),
        "EXECUTIONS_PER_USER": env.int("EXECUTIONS_PER_USER", 4),
        "EXECUTIONS": env.int("EXECUTIONS", 64),
        # The command of Dovecot's XEXEC plugin, whose framing lets output pass for responses of the server.
        "XEXEC": env.bool("XEXEC", False),
        # PEM file of certificates to trust instead of the system's, for verbs that connect to tls:// addresses.
        "VERB_CA": env.str("VERB_CA", ""),
        # How long an execution waits for its audit record before it is refused.
        "AUDIT_SECONDS": env.float("AUDIT_SECONDS", 2),
        # Days that each kind of record is kept by `manage.py pruneaudit`; 0: for ever.
        "KEEP_EVENTS_DAYS": env.int("KEEP_EVENTS_DAYS", 0, validate=Range(min=0)),
        "KEEP_EXECUTIONS_DAYS": env.int("KEEP_EXECUTIONS_DAYS", 0, validate=Range(min=0)),
        "KEEP_TRANSCRIPTS_DAYS": env.int("KEEP_TRANSCRIPTS_DAYS", 0, validate=Range(min=0)),
        # Where the last event of each chain is told, so often: a file that the server can only append to (empty: one in
        # the data directory), and syslog: /dev/log or HOST:PORT.
        "AUDIT_ANCHORS": env.str("AUDIT_ANCHORS", ""),
        "AUDIT_ANCHOR_SECONDS": env.float("AUDIT_ANCHOR_SECONDS", 60),
        "AUDIT_ANCHOR_EVENTS": env.int("AUDIT_ANCHOR_EVENTS", 1000),
        "AUDIT_SYSLOG": env.str("AUDIT_SYSLOG", ""),
        # Who may read /health and /metrics, by the address that the connection comes from: they tell what users do.
        "METRICS_FROM": env.list(
            "METRICS_FROM",
            [ip_network("127.0.0.0/8"), ip_network("::1")],
            subcast=lambda text: ip_network(text.strip()),
        ),
        # Web servers with TLS in front of the pages: who comes from these networks tells by X-Forwarded-For and
        # X-Forwarded-Proto who asks, and how. From others nobody believes them.
        "WEB_PROXY_FROM": env.list("WEB_PROXY_FROM", [], subcast=lambda text: ip_network(text.strip())),
        # Of whom a one-time code is asked beside the password: optional, of who has set one up; editors, who may change
        # the map or users must; staff, all who work on the pages must. Over plain HTTP on a trial's loopback none must.
        "SECOND_FACTOR": env.str(
            "SECOND_FACTOR",
            "optional" if DEBUG else "editors",
            validate=OneOf(["off", "optional", "editors", "staff"]),
        ),
        # After so long one who changes a verb or a user gives the password again: a desk that was left for a moment.
        "CONFIRM_SECONDS": env.int("CONFIRM_SECONDS", 600, validate=Range(min=10)),
        # Without a request, on the pages: a desk that was left.
        "SESSION_IDLE_SECONDS": env.int("SESSION_IDLE_SECONDS", 1800, validate=Range(min=10)),
        # Of a user who has the right of displays and none but to look: a screen on a wall is not logged in each day.
        "DISPLAY_SECONDS": env.int("DISPLAY_SECONDS", 30 * 86_400, validate=Range(min=10)),
    }

    # A working day, however busy. Its idle limit is above.
    SESSION_COOKIE_AGE = env.int("SESSION_SECONDS", 8 * 3600, validate=Range(min=10))
    # Browsers keep to HTTPS for so long; Django says so over HTTPS alone.
    SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", 0 if DEBUG else 365 * 86_400)

    # What runs in one process is watched from another through Redis; without it, from the same process alone.
    REDIS_URL = env.str("REDIS_URL", "")

    # Lock-out by django-axes, of one user name from one address, by IMAP and the web together: more tries than a person
    # needs to remember, and as long as it takes to make guessing hopeless (144 passwords a day) but no help desk busy.
    AXES_FAILURE_LIMIT = env.int("LOCKOUT_FAILURES", 10)
    AXES_COOLOFF_TIME = timedelta(seconds=env.float("LOCKOUT_SECONDS", 600))

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.simple_history",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "channels",
    "simple_history",
    "csp",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "commands",
    "imapserver",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "commands.web.headers.SafeHeaders",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "commands.web.sessions.SessionLimits",
    "commands.web.secondfactor.middleware.SecondFactorMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",  # a view is closed unless it says that it is open
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "imapx_site.urls"
ASGI_APPLICATION = "imapx_site.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": env.dj_db_url("DATABASE_URL", f"sqlite:///{DATA_DIR / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        # The audit record must survive a power cut: WAL alone would let the last commits go.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        # A deferred transaction that upgrades its lock fails at once, without waiting.
        "transaction_mode": "IMMEDIATE",
        "timeout": 2,
    }
    DATABASES["default"]["TEST"] = {"NAME": DATA_DIR / "test.sqlite3"}  # writer threads share a file only

elif DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # A server that is gone without a word must not hold the one writer of audit events until the kernel gives up.
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 5,
        "tcp_user_timeout": 10_000,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
    }

CHANNEL_LAYERS = {
    "default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}
    if REDIS_URL
    else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
}

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # refuses who is locked out, and must be first
    "django.contrib.auth.backends.ModelBackend",
    "imapserver.web_login.EngineBackend",
]

AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # a name alone would let anybody lock anybody out
AXES_CLIENT_IP_CALLABLE = "imapserver.penalties.axes_address"
AXES_USERNAME_CALLABLE = "imapserver.penalties.axes_username"
AXES_RESET_ON_SUCCESS = True
# A mail client with an old password tries for ever: it must not keep its user locked out.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True  # logins are in the audit record
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "csrfmiddlewaretoken", "code"]
AXES_LOCKOUT_TEMPLATE = "admin/locked_out.html"

OTP_TOTP_ISSUER = "IMAPX"  # what apps call it

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

LANGUAGE_CODE = "en-us"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
WHITENOISE_USE_FINDERS = True  # serves the packages' files without a collectstatic step

SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
if not DEBUG:
    # RFC 6265bis section 4.1.3.2: no other host of the domain, and nothing without TLS, can set a cookie of this name.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-imapx-session", "__Host-imapx-csrf"

# Scripts and styles are files of ours, but for styles with the nonce of the answer: unfold's colours. Nothing is
# evaluated (see static/imapx/pages.js), nothing comes from elsewhere, no form goes there, and no page frames ours.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}

SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Where it is known which requests came without TLS; monitors ask from this machine.
SECURE_SSL_REDIRECT = not DEBUG and bool(IMAPX["WEB_PROXY_FROM"])
SECURE_REDIRECT_EXEMPT = ["^health$", "^metrics$"]
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS of the other hosts of this one's domain
    "security.W021",  # and of browsers' own list: neither is ours to decide
    "security.W008",  # a redirect to HTTPS would turn in a circle where WEB_PROXY_FROM is not set
]

LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "axes": {"level": "ERROR"},  # it warns of each failed login
        "daphne": {"level": "WARNING"},
        "django.channels.server": {"level": "WARNING"},
    },
}
