"""Every page and every state that is drawn: in which records, at which address, after doing what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page, expect

from demo.fleet import API, BUILDER, ETL, LONG_TAG, SHOP, WEB
from tests.look import records, rules, space
from tests.look.records import LONGEST_NAME, LONGEST_TAG, MANY_TAGS
from tests.odd_manifests import HERE, ODD, UNTAGGED

Act = Callable[[Page], None]
ADMINISTRATOR, USER, NOBODY = "alice", "bob", ""
EVERYTHING = "everything"
LOOKED_AT = "looked-at"
"""An application in which every look at tags has ended as soon as it is begun, and has found nothing."""

BROKEN = "broken"
"""An application whose list of activities raises an error that nobody foresaw."""

SPARE = "team/spare"
"""A repository whose tags are deleted while drawing."""

PROTECTED = "team/protected"
"""A repository with tags that a setting protects."""

STATES: dict[str, records.Prepare] = {
    each.__name__.replace("_", "-"): each
    for each in (
        records.empty, records.first_sync, records.first_steps, records.first_steps_checked,
        records.looked_at, records.no_keeper, records.unreachable,
        records.read_only, records.deletes_disabled, records.in_doubt, records.failed_run, records.live_run, records.open_removal,
        records.paused_removal, records.stopping_removal, records.stopped_removal, records.asking_run,
        records.windows, records.wrong, records.held, records.ending_hold, records.broken_hold,
        records.hold_not_back, space.large_space, space.not_added_up, rules.retention,
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture. `act` is done after the page was opened; `whole` draws all of it, not only the window."""

    name: str
    path: str
    state: str = EVERYTHING
    who: str = ADMINISTRATOR
    act: Act | None = None
    whole: bool = True


def open_dialog(page: Page) -> None:
    """Press what opens the page's dialog, and wait for the figures."""
    page.locator("[aria-haspopup=dialog]").first.click()
    _wait_for_dialog(page)


def open_hold(page: Page) -> None:
    """The dialog that holds the registry."""
    page.get_by_role("link", name="Hold read-only for a backup…").click()
    expect(page.get_by_label("What for")).to_be_visible()


def press_too_long(page: Page) -> None:
    """Ask for more than a day."""
    page.get_by_label("For how many minutes").fill("2000")
    page.get_by_role("button", name="Hold read-only").click()
    expect(page.locator(".error")).to_be_visible()


def unfold(page: Page) -> None:
    """The dialog, with its list of what goes."""
    open_dialog(page)
    page.locator("#dialog .fold summary").click()


def open_siblings(page: Page) -> None:
    """The dialog of a tag whose image has two other tags."""
    page.get_by_role("link", name="Delete 1.4.2…").click()
    _wait_for_dialog(page)


def choose_siblings(page: Page) -> None:
    """The same dialog, with all tags of the image chosen, unfolded."""
    open_siblings(page)
    page.get_by_label("All 3 tags of this image.").check()
    expect(page.locator("#dialog").get_by_role("button", name="Delete 3 tags")).to_be_visible()
    page.locator("#dialog .fold summary").click()


def open_filters(page: Page) -> None:
    """The fields of the filters."""
    page.locator(".filters summary").click()


def tick_three(page: Page) -> None:
    """Three ticked rows, with the toolbar."""
    for number in (0, 1, 3):
        page.locator("[data-tick]").nth(number).check()


def tick_two(page: Page) -> None:
    """Two ticked rows of the trash, with the toolbar."""
    for number in (0, 1):
        page.locator("[data-tick]").nth(number).check()


def open_restore(page: Page) -> None:
    """The dialog that restores an image with its signature."""
    page.get_by_role("link", name="Restore team/spare:1.0.0-rc.1…").click()
    _wait_for_dialog(page)


def restore_ticked(page: Page) -> None:
    """The dialog for two ticked rows, of which one cannot be restored."""
    tick_two(page)
    page.locator("#ticks").get_by_role("button", name="Restore").click()
    _wait_for_dialog(page)


def open_delete_for_good(page: Page) -> None:
    """The dialog that deletes an image for good."""
    page.get_by_role("link", name="Delete team/spare:1.0.0-rc.1 for good…").click()
    _wait_for_dialog(page)


def choose_for_good(page: Page) -> None:
    """The dialog of a tag, with the tick that leaves the trash out."""
    open_row(page)
    page.get_by_label("Delete for good, without the trash").check()
    expect(page.locator("#figures")).not_to_contain_text("restored")


def tick_all(page: Page) -> None:
    """Every row, one by one."""
    for box in page.locator("[data-tick]").all():
        box.check()


def open_ticked(page: Page) -> None:
    """The dialog for three ticked rows."""
    tick_three(page)
    page.locator("#ticks [type=submit]").click()
    _wait_for_dialog(page)


def select_all(page: Page) -> None:
    """The dialog for all tags that match."""
    page.locator("[data-tick]").first.check()
    page.locator("#select-all").click()
    page.locator("#ticks [type=submit]").click()
    _wait_for_dialog(page)


def open_row(page: Page) -> None:
    """The dialog of the second row's tag."""
    page.locator(".trash").nth(1).click()
    _wait_for_dialog(page)


def delete_newest(page: Page) -> None:
    """Delete the first tag; the toast says so."""
    page.locator(".trash").first.click()
    page.locator("#dialog button[type=submit]").click()
    expect(page.locator(".toast")).to_be_visible()


def wait_for_figures(page: Page) -> None:
    """The dialog while the registry is read."""
    page.route("**/delete", lambda _route: None)
    page.locator(".trash").first.click()
    expect(page.locator("#dialog")).to_contain_text("Reading the registry…")


def wait_for_deletion(page: Page) -> None:
    """The dialog while it deletes; what is asked may still be sent when the page is closed."""
    page.locator(".trash").first.click()
    _wait_for_dialog(page)
    page.route("**/delete", lambda _route: None)
    page.locator("#dialog button[type=submit]").click()
    expect(page.locator("#dialog [aria-busy=true]")).to_be_visible()


def press_in_vain(page: Page) -> None:
    """The dialog when nobody answers."""
    page.route("**/delete", lambda route: route.abort())
    page.locator(".trash").first.click()
    expect(page.locator("#dialog [data-no-answer]")).to_be_visible()


def filter_in_vain(page: Page) -> None:
    """The list when nobody answers."""
    page.route("**?q=*", lambda route: route.abort())
    page.get_by_label("Search tags and digests").fill("1.4")
    expect(page.locator("#trouble [data-no-answer]")).to_be_visible()


def press_old_dialog(page: Page) -> None:
    """A dialog that cannot be read any more."""
    page.locator(".trash").first.click()
    _wait_for_dialog(page)
    page.locator("#dialog [name=request_key]").evaluate("field => { field.value = 'of another time'; }")
    page.locator("#dialog button[type=submit]").click()
    expect(page.locator("#dialog .notice")).to_be_visible()


def press_wrong_name(page: Page) -> None:
    """Ask to delete an image under a name that is not its own."""
    page.locator("#typed_name").fill("team/shopping")
    page.locator(".dialog-page .button.danger").click()
    expect(page.locator(".error")).to_be_visible()


def open_name(page: Page) -> None:
    """The dialog that gives the first manifest a name."""
    page.get_by_role("link", name="Give ").first.click()
    _wait_for_dialog(page)


def press_no_name(page: Page) -> None:
    """Ask for a name that can be no tag."""
    page.get_by_label("Tag").fill("release candidate")
    page.get_by_role("button", name="Give it the name").click()
    expect(page.locator(".error")).to_be_visible()


def sign_in_wrongly(page: Page) -> None:
    """Sign in with a password that is not alice's."""
    page.get_by_label("Name").fill("alice")
    page.get_by_label("Password").fill("not this one")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".notice")).to_be_visible()


def lose_session(page: Page) -> None:
    """Press a trash can after the session has ended."""
    cookies = page.context.cookies()
    page.context.clear_cookies(name="holystone")
    page.locator(".trash").first.click()
    expect(page.locator("#dialog .notice")).to_be_visible()
    page.context.add_cookies([each for each in cookies if each["name"] == "holystone"])  # type: ignore[list-item]


def open_menu(page: Page) -> None:
    """The account's menu."""
    page.locator(".menu summary").click()


def show_keys(page: Page) -> None:
    """The list of keys."""
    page.keyboard.press("?")


def show_keys_that_are_off(page: Page) -> None:
    """The same where they are switched off."""
    show_keys(page)
    page.get_by_role("button", name="Switch keys off").click()
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Keys", exact=True).click()
    expect(page.get_by_role("button", name="Switch keys on")).to_be_visible()
    page.context.clear_cookies(name="holystone-keys")


def check_again(page: Page) -> None:
    """One of the first steps, looked at again."""
    page.get_by_role("button", name="Check again Holystone may delete").click()
    expect(page.locator("#announcements")).to_contain_text("Holystone may delete: ")


def hear_of_a_change(page: Page) -> None:
    """An open list that says something else than it did when it was opened."""
    page.route("**seen=*", lambda route: route.continue_(url=f"{route.request.url}0"))
    expect(page.locator("#announcements")).to_have_text("The list has changed.")


def fill_window_wrongly(page: Page) -> None:
    """A window without days, in a zone that does not exist, for too long."""
    for box in page.locator("[name=weekdays]").all():
        box.uncheck()
    page.get_by_label("Time zone").fill("Europe/Atlantis")
    page.get_by_label("Longest duration, in minutes").fill("2000")
    page.get_by_role("button", name="Make the window").click()
    expect(page.locator("#longest-hint.error")).to_be_visible()


def open_pause(page: Page) -> None:
    """The field for the day until which a window rests."""
    page.locator(".window-acts summary").click()


def open_delete(page: Page) -> None:
    """The question before a window is deleted."""
    page.get_by_role("link", name="Delete…").click()
    _wait_for_dialog(page)


def unfold_growth(page: Page) -> None:
    """The table beside the line."""
    page.locator("details summary", has_text="The same as a table").click()


def focus_on_map(page: Page) -> None:
    """A rectangle of the map that the keys have come to."""
    page.locator(".skip-map").focus()
    for _ in range(3):
        page.keyboard.press("Tab")


def fill_rule_wrongly(page: Page) -> None:
    """A rule with fields that cannot be meant."""
    page.get_by_label("Repositories").fill("Team API")
    page.get_by_label("Keep the newest").fill("none")
    page.get_by_role("button", name="Make the rule").click()
    expect(page.locator("#newest-hint.error")).to_be_visible()


def open_waiting(page: Page) -> None:
    """The question about a repository that waits."""
    page.get_by_role("link", name="Go on…").click()
    _wait_for_dialog(page)


def unfold_differences(page: Page) -> None:
    """What was foreseen and not deleted."""
    page.locator(".run-parts summary").click()


def unfold_activity(page: Page) -> None:
    """The line of forty deletions."""
    page.locator(".activity", has_text="40 tags").first.locator("summary").click()


def unfold_notice(page: Page) -> None:
    """A notice that is solved."""
    page.locator(".activity summary").first.click()


def send_test(page: Page) -> None:
    """A test that the mail server does not take."""
    page.get_by_role("button", name="Send a test").nth(1).click()
    expect(page.locator("#trouble .notice")).to_be_visible()


def wait_for_trouble(page: Page) -> None:
    """The registry was asked for a configuration, and does not have it."""
    expect(page.locator("#image .notice")).to_be_visible()


def _wait_for_dialog(page: Page) -> None:
    expect(page.locator("#dialog form.dialog-body")).to_be_visible()


SCENES = (
    Scene("sign-in", "/sign-in", who=NOBODY),
    Scene("sign-in-error", "/sign-in", who=NOBODY, act=sign_in_wrongly),
    Scene("repositories", "/repositories"),
    Scene("repositories-no-match", "/repositories?q=nothing-like-this"),
    Scene("repositories-empty", "/repositories", "empty"),
    Scene("repositories-first-sync", "/repositories", "first-sync"),
    Scene("repositories-first-steps", "/repositories", "first-steps"),
    Scene("repositories-first-steps-checked", "/repositories", "first-steps-checked", act=check_again),
    Scene("repositories-unreachable", "/repositories", "unreachable"),
    Scene("repositories-folders", "/repositories?view=folders"),
    Scene("repositories-under", "/repositories?under=team"),
    Scene("repositories-under-none", "/repositories?under=nobody"),
    Scene("search", "/search?q=api"),
    Scene("search-tags", "/search?q=1.4"),
    Scene("search-digest", f"/search?q={UNTAGGED.digest[:13]}"),
    Scene("search-short", "/search?q=1."),
    Scene("search-no-match", "/search?q=nothing-like-this"),
    Scene("search-empty", "/search"),
    Scene("tags", f"/repositories/{API}"),
    Scene("tags-by-image", f"/repositories/{API}?sort=image"),
    Scene("tags-ticked", f"/repositories/{API}", act=tick_three),
    Scene("tags-ticked-long-name", f"/repositories/{ETL}", act=tick_all),
    Scene("tags-no-match", f"/repositories/{API}?q=rc-*"),
    Scene("tags-filtered", f"/repositories/{BUILDER}?q=*-1*&older=1&platform=linux/amd64&but=110&sort=name"),
    Scene("tags-filters-open", f"/repositories/{API}?older=3", act=open_filters, whole=False),
    Scene("tags-filters-no-match", f"/repositories/{API}?q=1.&bigger=4000&older=never"),
    Scene("tags-untagged", f"/repositories/{ODD}?untagged=1"),
    Scene("name-manifest", f"/repositories/{ODD}?untagged=1", act=open_name, whole=False),
    Scene("name-manifest-wrong", f"/repositories/{ODD}/-/manifests/{UNTAGGED.digest}/name", act=press_no_name),
    Scene("tags-untagged-unknown", f"/repositories/{ETL}?untagged=1", "in-doubt"),
    Scene("tags-no-answer", f"/repositories/{API}", act=filter_in_vain),
    Scene("tags-untagged-none", f"/repositories/{API}?untagged=1"),
    Scene("tags-of-a-user", f"/repositories/{API}", who=USER),
    Scene("tags-300", f"/repositories/{MANY_TAGS}"),
    Scene("tags-longest-name", f"/repositories/{LONGEST_NAME}"),
    Scene("tags-long-name", f"/repositories/{ETL}"),
    Scene("tags-read-only", f"/repositories/{API}", "read-only"),
    Scene("tags-deletes-disabled", f"/repositories/{API}", "deletes-disabled"),
    Scene("tags-unreachable", f"/repositories/{API}", "unreachable"),
    Scene("tags-changed", f"/repositories/{API}", LOOKED_AT, act=hear_of_a_change),
    Scene("tags-unread", f"/repositories/{ETL}", "in-doubt"),
    Scene("tag", f"/repositories/{WEB}/-/tags/2.1"),
    Scene("tag-platform", f"/repositories/{WEB}/-/tags/2.1?platform=linux/arm64"),
    Scene("tag-of-128", f"/repositories/{ODD}/-/tags/{'x' * 128}"),
    Scene("tag-artifact", f"/repositories/{ODD}/-/tags/chart"),
    Scene("tag-unknown-type", f"/repositories/{ODD}/-/tags/alien"),
    Scene("tag-schema-1", f"/repositories/{ODD}/-/tags/old"),
    Scene("tag-nested", f"/repositories/{ODD}/-/tags/nested"),
    Scene("tag-child-missing", f"/repositories/{ODD}/-/tags/holed"),
    Scene("tag-not-read", f"/repositories/{ODD}/-/tags/not-read"),
    Scene("tag-configuration-unread", f"/repositories/{ODD}/-/tags/unread", act=wait_for_trouble),
    Scene("tag-configuration-unreadable", f"/repositories/{ODD}/-/tags/no-json"),
    Scene("tag-many-labels", f"/repositories/{ODD}/-/tags/many"),
    Scene("manifest-untagged", f"/repositories/{ODD}/-/manifests/{UNTAGGED.digest}"),
    Scene("manifest-child", f"/repositories/{ODD}/-/manifests/{HERE.digest}"),
    Scene("tag-longest-name", f"/repositories/{LONGEST_NAME}/-/tags/{LONGEST_TAG}"),
    Scene("tag-markup", f"/repositories/{SHOP}/-/tags/8.0.0-rc.1"),
    Scene("tag-signed", f"/repositories/{API}/-/tags/1.4.2"),
    Scene("delete-tag", f"/repositories/{WEB}", act=open_row, whole=False),
    Scene("delete-tag-siblings", f"/repositories/{API}", act=open_siblings, whole=False),
    Scene("delete-tag-all-siblings", f"/repositories/{API}", act=choose_siblings, whole=False),
    Scene("delete-tag-siblings-page", f"/repositories/{API}/-/tags/1.4.2/delete"),
    Scene("delete-tag-attested", f"/repositories/{SHOP}/-/tags/7.0.0/delete"),
    Scene("delete-tag-protected", f"/repositories/{PROTECTED}/-/tags/release-1/delete"),
    Scene("delete-tags", f"/repositories/{API}", act=open_ticked, whole=False),
    Scene("delete-tags-matching", f"/repositories/{BUILDER}?q=build-", act=select_all, whole=False),
    Scene("delete-tags-protected", f"/repositories/{PROTECTED}", act=open_ticked, whole=False),
    Scene("delete-image", f"/repositories/{API}", act=open_dialog, whole=False),
    Scene("delete-image-unfolded", f"/repositories/{SHOP}", act=unfold, whole=False),
    Scene("delete-waiting", f"/repositories/{API}", act=wait_for_figures, whole=False),
    Scene("delete-busy", f"/repositories/{SPARE}", act=wait_for_deletion, whole=False),
    Scene("delete-no-answer", f"/repositories/{API}", act=press_in_vain, whole=False),
    Scene("delete-old-dialog", f"/repositories/{API}", act=press_old_dialog, whole=False),
    Scene("delete-tag-page", f"/repositories/{ETL}/-/tags/{LONG_TAG}/delete"),
    Scene("delete-image-page", f"/repositories/{SHOP}/-/delete", act=press_wrong_name),
    Scene("delete-read-only", f"/repositories/{API}/-/tags/1.3.0/delete", "read-only"),
    Scene("deleted", f"/repositories/{SPARE}", act=delete_newest, whole=False),
    Scene("removal-under-way", "/removals/3", "open-removal"),
    Scene("removal-paused", "/removals/3", "paused-removal"),
    Scene("removal-stopping", "/removals/3", "stopping-removal"),
    Scene("removal-stopped", "/removals/3", "stopped-removal"),
    Scene("removal-partly", "/removals/2"),
    Scene("removal-done", "/removals/1"),
    Scene("space", "/space"),
    Scene("space-large", "/space", "large-space"),
    Scene("space-large-unfolded", "/space?view=repositories", "large-space", act=unfold_growth),
    Scene("space-large-keys", "/space?sort=exclusive", "large-space", act=focus_on_map, whole=False),
    Scene("space-of-a-user", "/space?view=repositories&sort=name", "large-space", who=USER),
    Scene("space-namespace", "/space?namespace=infra", "large-space"),
    Scene("space-no-namespace", "/space?namespace=-", "large-space"),
    Scene("space-no-match", "/space?namespace=nobody", "large-space"),
    Scene("space-not-added-up", "/space", "not-added-up"),
    Scene("space-empty", "/space", "empty"),
    Scene("trash", "/trash"),
    Scene("trash-of-a-user", "/trash", who=USER),
    Scene("trash-ticked", "/trash", act=tick_two),
    Scene("trash-deleted", "/trash?state=deleted"),
    Scene("trash-restored", "/trash?state=restored"),
    Scene("trash-stays", "/trash?state=stays"),
    Scene("trash-no-match", "/trash?person=nobody"),
    Scene("trash-empty", "/trash", "empty"),
    Scene("trash-restore", "/trash", act=open_restore, whole=False),
    Scene("trash-restore-several", "/trash", act=restore_ticked, whole=False),
    Scene("trash-restore-gone", "/trash/restore?item=5"),
    Scene("trash-delete", "/trash", act=open_delete_for_good, whole=False),
    Scene("trash-empty-it", "/trash", act=open_dialog, whole=False),
    Scene("delete-tag-for-good", f"/repositories/{WEB}", act=choose_for_good, whole=False),
    Scene("activities", "/activities", act=unfold_activity),
    Scene("activities-no-match", "/activities?person=nobody"),
    Scene("activities-empty", "/activities", "empty"),
    Scene("maintenance", "/maintenance"),
    Scene("maintenance-no-keeper", "/maintenance", "no-keeper"),
    Scene("by-hand", "/maintenance/by-hand"),
    Scene("maintenance-windows", "/maintenance", "windows"),
    Scene("window", "/maintenance/windows/1", "windows"),
    Scene("window-of-a-user", "/maintenance/windows/2", "windows", who=USER),
    Scene("window-paused", "/maintenance/windows/3", "windows", act=open_pause),
    Scene("window-new", "/maintenance/windows/new"),
    Scene("window-errors", "/maintenance/windows/new", act=fill_window_wrongly),
    Scene("window-run", "/maintenance/windows/1", "windows", act=open_dialog, whole=False),
    Scene("window-delete", "/maintenance/windows/1", "windows", act=open_delete, whole=False),
    Scene("window-ahead", "/repositories", "windows"),
    Scene("maintenance-live", "/maintenance", "live-run"),
    Scene("hold", "/maintenance", act=open_hold, whole=False),
    Scene("hold-page", "/maintenance/hold", act=press_too_long),
    Scene("maintenance-held", "/maintenance", "held"),
    Scene("maintenance-hold-ending", "/maintenance", "ending-hold"),
    Scene("held", "/repositories", "held", who=USER),
    Scene("hold-broken", "/repositories", "broken-hold", who=USER),
    Scene("hold-not-back", "/maintenance", "hold-not-back"),
    Scene("free-space", "/maintenance", act=open_dialog, whole=False),
    Scene("free-space-page", "/maintenance/free-space"),
    Scene("run-done", "/maintenance/runs/4"),
    Scene("run-of-a-window", "/maintenance/runs/4", "windows"),
    Scene("run-live", "/maintenance/runs/5", "live-run"),
    Scene("run-failed", "/maintenance/runs/5", "failed-run"),
    Scene("run-asking", "/maintenance/runs/5", "asking-run"),
    Scene("run-stopped", "/maintenance/runs/3"),
    Scene("dry-run", "/maintenance/runs/2"),
    Scene("retention", "/retention", "retention"),
    Scene("retention-empty", "/retention"),
    Scene("retention-new", "/retention/rules/new"),
    Scene("retention-errors", "/retention/rules/new", act=fill_rule_wrongly),
    Scene("retention-preview", "/retention/preview?rule=2", "retention"),
    Scene("retention-preview-off", "/retention/preview?rule=3", "retention"),
    Scene("retention-preview-stays", "/retention/preview?rule=2&show=stays", "retention"),
    Scene("retention-preview-all", "/retention/preview?show=all", "retention"),
    Scene("retention-preview-nothing", "/retention/preview?rule=4", "retention"),
    Scene("retention-run", "/retention", "retention", act=open_dialog, whole=False),
    Scene("retention-waiting", "/retention", "retention", act=open_waiting, whole=False),
    Scene("retention-delete", "/retention/preview?rule=2", "retention", act=open_delete, whole=False),
    Scene("retention-run-partly", "/retention/runs/4", "retention", act=unfold_differences),
    Scene("retention-run-interrupted", "/retention/runs/3", "retention"),
    Scene("status", "/status"),
    Scene("status-problems", "/status", "in-doubt"),
    Scene("status-unreachable", "/status", "unreachable"),
    Scene("status-deletes-disabled", "/status", "deletes-disabled"),
    Scene("status-notices", "/status", "wrong"),
    Scene("notices", "/notices"),
    Scene("notices-open", "/notices", "wrong", act=unfold_notice),
    Scene("notices-none", "/notices", "empty"),
    Scene("notices-test", "/notices", "open-removal", act=send_test),
    Scene("menu", "/repositories", act=open_menu, whole=False),
    Scene("keys", "/repositories", act=show_keys, whole=False),
    Scene("keys-off", "/repositories", act=show_keys_that_are_off, whole=False),
    Scene("signed-out", f"/repositories/{API}", act=lose_session, whole=False),
    Scene("403", "/maintenance/free-space", who=USER),
    Scene("404", "/repositories/team/nothing-of-this-name"),
    Scene("500", "/activities", BROKEN),
)
