"""Git URLs: which name the same repository, where a relative one leads, and how one is shown without its secrets."""

from __future__ import annotations

import os
import re

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SSH_USER = re.compile(r"(?i)^((?:git\+)?ssh(?:\+git)?://[^/:@]+)(?::[^/]*)?@")
_USER = re.compile(r"(?<=://)[^/\s]*@")
_TRANSPORT = re.compile(r"[\w+.-]*::")


def is_path(url: str) -> bool:
    """Tell whether git takes it for a path of this machine: no colon stands before the first slash."""
    return ":" not in url.partition("/")[0]


def is_local(url: str) -> bool:
    """Tell whether a URL leads to this machine's own files, where nobody else can fetch it."""
    return is_path(url) or url.lower().startswith("file:")


def names_program(url: str) -> bool:
    """Tell whether git would run a program that the URL names (`ext::sh -c …`, git help gitremote-helpers)."""
    return _TRANSPORT.match(url) is not None


def resolve(url: str, base: str) -> str:
    """Return where `./x` and `../x` of a `.gitmodules` lead, as `git submodule` takes them; others as they are.

    Args:
        url: the URL as it is recorded.
        base: the URL of the stash's own remote, or its folder where it has none; a path is absolute.

    Raises:
        ValueError: it leads out at the top of `base`.
    """
    if not url.startswith(("./", "../")):
        return url
    base, between = base.removesuffix("/"), "/"
    while url.startswith(("./", "../")):
        dots, _, url = url.partition("/")
        if dots == "..":
            base, separator, last = base.rpartition("/") if "/" in base else base.rpartition(":")
            if not separator:
                raise ValueError(last)
            between = ":" if separator == ":" else between
    return base + between + url.removesuffix("/")


def same(one: str, other: str) -> bool:
    """Tell whether two URLs name one repository, as far as can be seen: host and path, however it is reached.

    `git@host:lab/tool.git` and `https://host/lab/tool` do, on every forge; another port is another server.
    """
    return _identity(one) == _identity(other)


def _identity(url: str) -> tuple[str, str]:
    if match := _SCHEME.match(url):
        host, _, path = url[match.end() :].partition("/")
        path = f"/{path}"
    elif is_path(url):
        host, path = "", url
    else:
        host, _, path = url.partition(":")
    path = os.path.normpath(path) if not host else path  # git itself writes `/a/b/../c`
    return host.rpartition("@")[2].lower(), path.strip("/").removesuffix(".git").rstrip("/")


def without_secrets(url: str) -> str:
    """Return a URL as it may be shown: no password, no token; who it is that logs in only with ssh, which needs it."""
    if ssh := _SSH_USER.match(url):
        return f"{ssh[1]}@{re.sub('^[^/]*@', '', url[ssh.end() :])}"
    return _USER.sub("", url).partition("?")[0] if _SCHEME.match(url) else url


def public_url(url: str) -> str:
    """Return a URL as everybody may read it in `.gitmodules`: no password, no token, no user but that of ssh.

    What looks like credentials behind a `%40` or `%3A` is one, and so is a query that names a token.
    """
    if not _SCHEME.match(url):
        return url
    if ssh := _SSH_USER.match(url):
        return f"{ssh[1]}@{re.sub('^[^/]*@', '', url[ssh.end() :])}"
    url = re.sub(r"(?i)(?<=://)[^/\s]*(?:@|%40)", "", url)
    return re.sub(r"(?i)\?[^#]*(?:token|key|secret|passw|sig)[^#]*", "", url)


def hide_secrets(text: str, url: str) -> str:
    """Return what a program said of a URL without that URL's secrets."""
    return _USER.sub("", text.replace(url, without_secrets(url)))
