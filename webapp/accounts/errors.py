"""What can go wrong with an account: one named error per meaning, each with a sentence for a person."""

from __future__ import annotations


class AccountError(Exception):
    """Base of all named errors here, never raised itself. Its text, `sentence`, is for a person."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class PasswordRefused(AccountError):
    """A new password is too short, too long, or among the first that an attacker tries."""


class NameRefused(AccountError):
    """A new user's name does not follow the grammar of names."""


class UserExists(AccountError):
    """There is a user of that name already."""


class NoSuchUser(AccountError):
    """There is no user of that name."""


class LastAdministrator(AccountError):
    """Nobody would be left who can administer."""


class SignInRefused(AccountError):
    """Name and password do not belong together, or the user is disabled; which of them is not told."""


class TooManyAttempts(AccountError):
    """Too many sign-ins failed: the next is taken after `wait_s` seconds."""

    def __init__(self, sentence: str, wait_s: float) -> None:
        super().__init__(sentence)
        self.wait_s = wait_s
