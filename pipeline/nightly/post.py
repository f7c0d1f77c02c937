"""Letters to their routes, by Apprise: mail, Slack, webhooks and some hundred more. Each route is told once about each run."""

from __future__ import annotations

import os
from collections.abc import Sequence

from pipeline.config import Route
from pipeline.errors import UsageError
from pipeline.nightly.letters import Letter, letter_for
from pipeline.nightly.news import News
from pipeline.nightly.watch import PageAlarm
from pipeline.store.decisions import Alerts


def address(route: Route) -> str:
    """The route's Apprise URL; `$NAME` is taken from the environment. Raises UsageError where it is not set."""
    if not route.to.startswith("$"):
        return route.to
    name = route.to[1:].strip("{}")
    found = os.environ.get(name, "")
    if not found:
        raise UsageError(
            f"nightly.notify names ${name}, which is not set: put the Apprise URL of the route into the environment."
        )
    return found


def send(route: Route, letter: Letter) -> bool:
    """Whether the letter was taken. Raises UsageError without Apprise or for an address that it does not know."""
    try:
        import apprise
    except ImportError as err:
        raise UsageError("nightly.notify needs Apprise: pip install 'saysdoes[notify]'.") from err
    post = apprise.Apprise(asset=apprise.AppriseAsset(app_id="saysdoes", interpret_escapes=False, plugin_paths=[]))
    if not post.add(address(route)):
        raise UsageError(
            f"nightly.notify: Apprise does not know the address of route {name_of(route, 0)!r}; see its list of services."
        )
    return bool(post.notify(title=letter.title, body=letter.body, body_format=apprise.NotifyFormat.TEXT))


def name_of(route: Route, number: int) -> str:
    """What a route is called in logs: never its address, which holds secrets."""
    return route.name or f"route {number + 1}"


def tell(
    routes: Sequence[Route], news: News, alarms: Sequence[PageAlarm], alerts: Alerts
) -> tuple[list[tuple[str, int]], list[str]]:
    """([(route, items) that were told], [routes that could not be told]); silent where there is nothing new."""
    told: list[tuple[str, int]] = []
    failed: list[str] = []
    already = alerts.sent(news.run.id)
    for number, route in enumerate(routes):
        name = name_of(route, number)
        key = f"{number}:{name}"
        if key in already:
            continue
        letter = letter_for(route, news, alarms)
        if letter is not None:
            if not send(route, letter):
                failed.append(name)
                continue
            told.append((name, letter.items))
        alerts.note(news.run.id, key, news.run.product, letter.items if letter else 0)
    return told, failed
