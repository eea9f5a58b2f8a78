"""What looks like personal data: e-mail addresses, telephone numbers, card numbers, internet addresses.

Patterns know no meaning. A sum of sixteen digits can look like a card number, and a name is found by none of
them: no finding is not a promise that nothing personal is there. What is found is shown masked, so that a
report can be passed on.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

EMAIL, PHONE, CARD, IP = "e-mail address", "telephone number", "card number", "IP address"
KINDS = (EMAIL, PHONE, CARD, IP)

_EMAIL = re.compile(
    r"(?<![\w.+-])[A-Za-z0-9](?:[\w.%+-]{0,62}[\w%+-])?@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w-])",
    re.ASCII,
)
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = re.compile(rf"(?<![\w.])(?:{_OCTET}\.){{3}}{_OCTET}(?![\w]|\.[0-9])", re.ASCII)
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])", re.ASCII)
# Thirteen to nineteen digits in one of the two ways they are written: in one row, or in groups.
_CARD = re.compile(
    r"(?<![\w.,-])[2-6][0-9]{12,18}(?![\w-]|[.,][0-9])"
    r"|(?<![\w.,-])[2-6][0-9]{3}([ -])(?:[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?:\1[0-9]{3})?|[0-9]{6}\1[0-9]{4,5})"
    r"(?![\w-]|[.,][0-9])",
    re.ASCII,
)
# International with its plus sign, or as North America writes it; bare digits could be any number.
_PHONE = re.compile(
    r"(?<![\w+])\+[1-9][0-9]{0,2}[ .-]?(?:\(0?[0-9]{1,4}\)[ .-]?)?[0-9]{1,4}"
    r"(?:[ .-]?[0-9]{2,4}){1,5}(?![\w-])"
    r"|(?<![\w(.-])(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[-.])[2-9][0-9]{2}[-.][0-9]{4}(?![\w-]|\.[0-9])",
    re.ASCII,
)
# How card numbers begin, and how long they are then (ISO/IEC 7812 and the networks' own lists).
_NETWORKS = (
    (re.compile(r"4"), (13, 16, 19)),  # Visa
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), (16,)),  # Mastercard
    (re.compile(r"3[47]"), (15,)),  # American Express
    (re.compile(r"6011|65|64[4-9]"), (16, 19)),  # Discover
    (re.compile(r"3(?:0[0-5]|[689])"), (14,)),  # Diners Club
    (re.compile(r"35(?:2[89]|[3-8])"), (16, 19)),  # JCB
    (re.compile(r"62"), (16, 17, 18, 19)),  # UnionPay
)
_DIGITS = re.compile(r"[0-9]")


def personal_data(text: str) -> dict[str, Counter[str]]:
    """What looks like personal data: kind → what was found, masked → how often.

    >>> personal_data("Write to ada@example.com or call +44 20 7946 0018.")
    {'e-mail address': Counter({'a…@e….com': 1}), 'telephone number': Counter({'+4…18': 1})}
    >>> personal_data("37 * 12 = 444, and version 1.2.3")
    {}
    """
    found: dict[str, Counter[str]] = {}
    for kind, words in _found(text):
        found.setdefault(kind, Counter())[masked(kind, words)] += 1
    return found


def _found(text: str) -> Iterator[tuple[str, str]]:
    if "@" in text:
        for match in _EMAIL.finditer(text):
            yield EMAIL, match[0]
    if ":" in text:
        for match in _IPV6.finditer(text):
            if is_ipv6(match[0]):
                yield IP, match[0]
    if not _DIGITS.search(text):
        return
    for match in _PHONE.finditer(text):
        if 8 <= len(_DIGITS.findall(match[0])) <= 15:  # fifteen are the most that E.164 allows
            yield PHONE, match[0]
    for match in _CARD.finditer(text):
        if is_card(match[0]):
            yield CARD, match[0]
    for match in _IPV4.finditer(text):
        if match[0] not in ("0.0.0.0", "127.0.0.1", "255.255.255.255"):  # every machine's, nobody's
            yield IP, match[0]


def is_card(words: str) -> bool:
    """Whether digits can be a card's number: a network's beginning and length, and the check digit right.

    >>> is_card("4111 1111 1111 1111"), is_card("4111 1111 1111 1112"), is_card("1234567812345670")
    (True, False, False)
    """
    digits = "".join(_DIGITS.findall(words))
    fits = any(begin.match(digits) and len(digits) in lengths for begin, lengths in _NETWORKS)
    return fits and luhn(digits)


def luhn(digits: str) -> bool:
    """Luhn's check (US patent 2,950,048, 1960): with every second digit doubled, the sum ends in 0.

    >>> luhn("79927398713"), luhn("79927398710")
    (True, False)
    """
    total = 0
    for place, digit in enumerate(map(int, reversed(digits))):
        doubled = digit * 2 if place % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def is_ipv6(words: str) -> bool:
    """Whether words with colons are an IPv6 address that says something; `::` and a time of day do not.

    >>> is_ipv6("2001:db8::7334"), is_ipv6("12:30:05"), is_ipv6("::1"), is_ipv6("a::b")
    (True, False, False, False)
    """
    groups = [group for group in words.split(":") if group]
    # A slice of Python, `a[::2]`, and a name of C++, `a::b`, would pass as very short addresses.
    if len(groups) < 3 or len("".join(groups)) < 6:
        return False
    halves = words.split("::")
    if len(halves) > 2 or words.startswith(":") != words.startswith("::"):
        return False
    return len(groups) == 8 if len(halves) == 1 else len(groups) < 8


def masked(kind: str, words: str) -> str:
    """What was found, without what makes it somebody's.

    >>> masked(CARD, "4111 1111 1111 1111"), masked(IP, "192.168.1.20")
    ('41…11', '19…20')
    """
    if kind == EMAIL:
        name, _, host = words.partition("@")
        return f"{name[0]}…@{host[0]}….{host.rpartition('.')[2]}"
    return f"{words[:2]}…{words[-2:]}"
