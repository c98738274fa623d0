"""A user at the web pages of a whole server: cookies, the form's token, redirects that are not followed."""

import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request
from typing import NamedTuple

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
PATIENCE = 20


class Page(NamedTuple):
    status: int
    text: str
    location: str


class _Stays(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


class WebUser:
    def __init__(self, web: str) -> None:
        self._web = web
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(cookies, _Stays)

    def get(self, path: str) -> Page:
        return self._open(urllib.request.Request(f"{self._web}{path}"))

    def post(self, path: str, form: str, **fields: str) -> Page:
        """Send a form to `path`, with the token that stands in the page `form`."""
        token = TOKEN.search(self.get(form).text)
        assert token, f"no form at {form}"
        data = urllib.parse.urlencode({"csrfmiddlewaretoken": token[1], **fields}).encode()
        return self._open(urllib.request.Request(f"{self._web}{path}", data, {"Referer": f"{self._web}{form}"}))

    def log_in(self, username: str, password: str, page: str = "/me/login/") -> Page:
        return self.post(page, page, username=username, password=password)

    def _open(self, request: urllib.request.Request) -> Page:
        try:
            with self._opener.open(request, timeout=PATIENCE) as response:
                return Page(response.status, response.read().decode(), "")
        except urllib.error.HTTPError as error:
            with error:
                return Page(error.code, error.read().decode(), error.headers.get("Location") or "")
