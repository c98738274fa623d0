from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client


@pytest.fixture(autouse=True)
def site(settings: Any) -> None:
    settings.STATIC_ROOT.mkdir(exist_ok=True)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann", password="ann's words")


@pytest.fixture
def demo() -> User:
    return User.objects.create_user("demo", password="demo's words")


@pytest.fixture
def browser() -> Callable[[User], Client]:
    """Logged in as this user."""

    def of(user: User) -> Client:
        client = Client(REMOTE_ADDR="192.0.2.7")
        client.force_login(user)
        return client

    return of
