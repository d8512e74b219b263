"""The check digit of a LOINC code.

https://loinc.org/kb/users-guide/ (section "LOINC codes": mod 10, Luhn)
"""

import re
from typing import Final

_CODE: Final = re.compile(r"([0-9]{1,7})-([0-9])")


def check_digit(number: str) -> int:
    """The digit that belongs behind the hyphen of a LOINC code whose number is `number`, such as 8867 -> 4.

    Raises ValueError if `number` is not made of digits.
    """
    if not (number.isascii() and number.isdigit()):
        raise ValueError(f"{number!r} is not the number of a LOINC code. Give digits only.")
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in number[::-2])
    return -(doubled + sum(int(digit) for digit in number[-2::-2])) % 10


def is_well_formed(code: str) -> bool:
    """Whether `code` looks like a LOINC code and its check digit is right; not whether LOINC has such a code."""
    match = _CODE.fullmatch(code)
    return match is not None and check_digit(match[1]) == int(match[2])
