"""Git URLs: compare them, resolve relative ones, and show them without secrets."""

from __future__ import annotations

import os
import re

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SSH_USER = re.compile(r"(?i)^((?:git\+)?ssh(?:\+git)?://[^/:@]+)(?::[^/]*)?@")
_USER = re.compile(r"(?<=://)[^/\s]*@")
_TRANSPORT = re.compile(r"[\w+.-]*::")


def is_path(url: str) -> bool:
    """Return whether git reads `url` as a local path: it has no colon before the first slash."""
    return ":" not in url.partition("/")[0]


def is_local(url: str) -> bool:
    """Return whether a URL names files of this machine, which others cannot fetch."""
    return is_path(url) or url.lower().startswith("file:")


def names_program(url: str) -> bool:
    """Return whether git would run a program that the URL names (`ext::sh -c …`, see gitremote-helpers(7))."""
    return _TRANSPORT.match(url) is not None


def resolve(url: str, base: str) -> str:
    """Resolve a relative URL (`./x`, `../x`) of `.gitmodules` as `git submodule` does; return other URLs unchanged.

    Args:
        url: the recorded URL.
        base: the URL of the stash's remote, or the stash's absolute path if it has no remote.

    Raises:
        ValueError: the URL has more `..` than `base` has parts.
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
    """Return whether two URLs have the same host and path, whatever the protocol.

    `git@host:lab/tool.git` and `https://host/lab/tool` are the same repository. Another port is another server.
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
    path = os.path.normpath(path) if not host else path  # git writes paths such as `/a/b/../c`
    return host.rpartition("@")[2].lower(), path.strip("/").removesuffix(".git").rstrip("/")


def without_secrets(url: str) -> str:
    """Return a URL to show: without password and token. The user name stays for ssh only, which requires it."""
    if ssh := _SSH_USER.match(url):
        return f"{ssh[1]}@{re.sub('^[^/]*@', '', url[ssh.end() :])}"
    return _USER.sub("", url).partition("?")[0] if _SCHEME.match(url) else url


def public_url(url: str) -> str:
    """Return a URL to publish in `.gitmodules`: without password and token, and with a user name for ssh only.

    Also removes credentials that are percent-encoded (`%40`), and a query that names a token.
    """
    if not _SCHEME.match(url):
        return url
    if ssh := _SSH_USER.match(url):
        return f"{ssh[1]}@{re.sub('^[^/]*@', '', url[ssh.end() :])}"
    url = re.sub(r"(?i)(?<=://)[^/\s]*(?:@|%40)", "", url)
    return re.sub(r"(?i)\?[^#]*(?:token|key|secret|passw|sig)[^#]*", "", url)


def hide_secrets(text: str, url: str) -> str:
    """Return the output of a program without the secrets of `url`."""
    return _USER.sub("", text.replace(url, without_secrets(url)))
