"""Settings, all from the environment; docs/operating.md lists them with their defaults and reasons."""

from pathlib import Path
from typing import Any

from environs import Env

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
        # Absolute, so that a client which drips bytes can't keep its place (OpenSSH 120 s, Dovecot 180 s).
        "LOGIN_SECONDS": env.float("LOGIN_SECONDS", 60),
        # RFC 3501 section 5.4: an autologout timer must be at least 30 minutes.
        "IDLE_SECONDS": env.float("IDLE_SECONDS", 1800),
        "DRAIN_SECONDS": env.float("DRAIN_SECONDS", 30),
        "EXECUTIONS_PER_USER": env.int("EXECUTIONS_PER_USER", 4),
        "EXECUTIONS": env.int("EXECUTIONS", 64),
        # How long an execution waits for its audit record before it is refused.
        "AUDIT_SECONDS": env.float("AUDIT_SECONDS", 2),
    }

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "commands",
    "imapserver",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

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

SESSION_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_AGE = 8 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
CSRF_COOKIE_SAMESITE = "Strict"

LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "daphne": {"level": "WARNING"},
        "django.channels.server": {"level": "WARNING"},
    },
}
