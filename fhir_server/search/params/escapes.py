"""The characters that separate parts of a value, and the backslash that takes that from them.

https://hl7.org/fhir/R4/search.html#escaping
"""


def split(text: str, separator: str) -> tuple[str, ...]:
    """`text` cut at each `separator` that no backslash escapes; the escapes stay."""
    if "\\" not in text:
        return tuple(text.split(separator))
    parts, part, escaped = [], "", False
    for character in text:
        if character == separator and not escaped:
            parts.append(part)
            part = ""
        else:
            part += character
        escaped = character == "\\" and not escaped
    return (*parts, part)


def unescape(text: str) -> str:
    r"""`text` with `\,`, `\|`, `\$` and `\\` as the characters they stand for."""
    if "\\" not in text:
        return text
    plain, escaped = "", False
    for character in text:
        if character == "\\" and not escaped:
            escaped = True
        else:
            plain += character
            escaped = False
    return plain
