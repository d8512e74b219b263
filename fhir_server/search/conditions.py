"""A condition in SQL, over the table alias `r` (resource).

https://www.postgresql.org/docs/current/indexes-types.html

Written so that it can only be met by what an index finds: arrays of tokens by `@>` and `&&`, ranges by their bounds.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from fhir_server.search.criteria import Condition
from fhir_server.search.params import date, hashes, number, quantity, reference, string, token, uri
from fhir_server.search.params.catalog import Kind, Parameter, served
from fhir_server.store.predicate import EVERYTHING, NOTHING, Predicate

_INDEXED: Final = 200  # characters, see `resource_string` in store/tables.py
_MILLISECOND: Final = timedelta(milliseconds=1)


def predicate(wanted: Condition) -> Predicate:
    """The rows that meet the condition; where it is `hashed`, possibly some that only seem to."""
    parameter = wanted.parameter
    if parameter.union:
        return _union(wanted)
    if wanted.modifier == "missing":
        there = _present(parameter)
        return negation(there) if wanted.absent else there
    if parameter.coded:
        sets = code_sets(wanted)
        found = Predicate(f"r.code_set = ANY(ARRAY({sets.sql}))", sets.params)
        return negation(found) if wanted.modifier == "not" else found
    match parameter.column:
        case "id":
            return _id(wanted)
        case "last_updated":
            return any_of(_instant(one) for one in wanted.asked if isinstance(one, date.Asked))
        case "date":
            return any_of(
                dates(one, "r.date_lo", "r.date_hi") for one in wanted.asked if isinstance(one, date.Asked)
            )
        case "value":
            return any_of(_value(parameter, one) for one in wanted.asked if isinstance(one, quantity.Asked))
    return _KINDS[parameter.kind](wanted)


def hashed(wanted: Condition) -> bool:
    """Whether a row may seem to meet the condition because two values have one hash."""
    if wanted.modifier in {"missing", "not"} or wanted.parameter.coded:
        return False
    if wanted.parameter.column in {"id", "last_updated", "date"}:
        return False
    if wanted.parameter.column == "patient":
        return (
            any(patient is None for patient in map(reference.patient_id, _keys(wanted)))
            or wanted.modifier != ""
        )
    if wanted.parameter.kind == "quantity":
        return any(isinstance(one, quantity.Asked) and one.code is not None for one in wanted.asked)
    return wanted.parameter.kind in {"token", "reference", "uri"}


def conjunction(predicates: Iterable[Predicate]) -> Predicate:
    """Rows that meet all."""
    return _joined(" AND ", [one for one in predicates if one != EVERYTHING], EVERYTHING)


def any_of(predicates: Iterable[Predicate]) -> Predicate:
    """Rows that meet one or more."""
    return _joined(" OR ", list(predicates), NOTHING)


def negation(one: Predicate) -> Predicate:
    """Rows that do not meet it; unknown counts as not met."""
    return Predicate(f"({one.sql}) IS NOT TRUE", one.params)


def code_sets(wanted: Condition) -> Predicate:
    """The query for the sets of codings that hold one of those asked for, without repeats."""
    found = any_of(_coding(one) for one in wanted.asked if isinstance(one, token.Asked))
    return Predicate(f"SELECT DISTINCT code_set FROM code_set_coding WHERE {found.sql}", found.params)


def _coding(wanted: token.Asked) -> Predicate:
    parts = (("code", wanted.code), ("system", wanted.system))
    return conjunction(Predicate(f"{column} = %s", (value,)) for column, value in parts if value is not None)


def tokens(wanted: Iterable[int]) -> Predicate:
    """Rows that carry any of the tokens."""
    values = sorted(set(wanted))
    operator = "@>" if len(values) == 1 else "&&"
    return Predicate(f"r.tokens {operator} %s::bigint[]", (values,)) if values else NOTHING


def dates(wanted: date.Asked, lo: str, hi: str) -> Predicate:
    """Rows whose range `[lo, hi)`, two expressions, lies as asked; the first bound is one that an index on `lo` can use."""
    since, until = stamp(wanted.lo), stamp(wanted.hi)
    match wanted.prefix:
        case "eq":
            return _at(f"{lo} >= {{}} AND {lo} < {{}} AND {hi} <= {{}}", since, until, until)
        case "ne":
            return _at(f"NOT ({lo} >= {{}} AND {hi} <= {{}})", since, until)
        case "gt":
            return _at(f"{hi} > {{}}", until)
        case "lt":
            return _at(f"{lo} < {{}}", since)
        case "ge":
            return _at(f"({lo} >= {{}} OR {hi} > {{}})", since, until)
        case "le":
            return _at(f"{lo} < {{}} AND ({lo} < {{}} OR {hi} <= {{}})", until, since, until)
        case "sa":
            return _at(f"{lo} >= {{}}", until)
        case "eb":
            return _at(f"{lo} < {{}} AND {hi} <= {{}}", since, since)
        case "ap":
            return _at(f"{lo} < {{}} AND {hi} > {{}}", until, since)


def stamp(moment: datetime) -> str:
    """`moment` as PostgreSQL reads it; the ends of time are infinite there."""
    if moment == date.MAX:
        return "infinity"
    return "-infinity" if moment == date.MIN else moment.isoformat()


def _at(sql: str, *moments: str) -> Predicate:
    return Predicate(sql.replace("{}", "%s::timestamptz"), moments)


def _joined(operator: str, parts: list[Predicate], empty: Predicate) -> Predicate:
    if len(parts) < 2:
        return parts[0] if parts else empty
    return Predicate(
        "(" + operator.join(f"({one.sql})" if " OR " in one.sql else one.sql for one in parts) + ")",
        tuple(value for one in parts for value in one.params),
    )


def _union(wanted: Condition) -> Predicate:
    """Met when one of the parameters it unites meets it; missing when all are, and `not` when none does."""
    negated = wanted.modifier == "not" or wanted.absent
    modifier = "" if wanted.modifier == "not" else wanted.modifier
    met = any_of(
        predicate(Condition(served(wanted.parameter.resource_type)[code], modifier, wanted.asked))
        for code in wanted.parameter.union
    )
    return negation(met) if negated else met


def _present(parameter: Parameter) -> Predicate:
    if parameter.required or parameter.column in {"id", "last_updated"}:
        return EVERYTHING
    there = tokens([hashes.present(parameter.prefix)])
    column = {"patient": "patient", "date": "date_lo", "value": "value_lo"}.get(parameter.column or "")
    return any_of([Predicate(f"r.{column} IS NOT NULL"), there]) if column else there


def _id(wanted: Condition) -> Predicate:
    ids = [one.code for one in wanted.asked if isinstance(one, token.Asked) and not one.system]
    found = Predicate("r.id = ANY(%s::text[])", (ids,))
    return negation(found) if wanted.modifier == "not" else found


def _instant(wanted: date.Asked) -> Predicate:
    """`last_updated` is the start of a millisecond, so a bound on its end is one on its start."""
    least = date.floor(wanted)
    exact = dates(wanted, "r.last_updated", "(r.last_updated + interval '1 millisecond')")
    if least is None or wanted.prefix in {"eq", "sa"}:
        return exact
    bound = (wanted.hi if wanted.prefix == "gt" else wanted.lo) - _MILLISECOND
    return conjunction([_at("r.last_updated >= {}", stamp(bound)), exact])


def _value(parameter: Parameter, wanted: quantity.Asked) -> Predicate:
    lies = numbers(wanted.number, "r.value_lo", "r.value_hi")
    return conjunction([lies, *_unit(parameter, wanted, "r.value_unit")])


def numbers(wanted: number.Asked, lo: str, hi: str) -> Predicate:
    """Rows whose range `[lo, hi]`, two expressions, lies as asked."""
    match wanted.prefix:
        case "eq":
            return Predicate(f"{lo} >= %s AND {lo} < %s AND {hi} < %s", (wanted.lo, wanted.hi, wanted.hi))
        case "ne":
            return Predicate(f"NOT ({lo} >= %s AND {hi} < %s)", (wanted.lo, wanted.hi))
        case "gt":
            return Predicate(f"{hi} > %s", (wanted.value,))
        case "lt":
            return Predicate(f"{lo} < %s", (wanted.value,))
        case "ge":
            return Predicate(f"{hi} >= %s", (wanted.value,))
        case "le":
            return Predicate(f"{lo} <= %s", (wanted.value,))
        case "sa":
            return Predicate(f"{lo} > %s", (wanted.value,))
        case "eb":
            return Predicate(f"{hi} < %s", (wanted.value,))
        case "ap":
            return Predicate(f"{lo} <= %s AND {hi} >= %s", (wanted.hi, wanted.lo))


def _unit(parameter: Parameter, wanted: quantity.Asked, column: str) -> list[Predicate]:
    if wanted.code is None:
        return []
    if wanted.system is not None:
        return [Predicate(f"{column} = %s", (quantity.unit_hash(wanted.system, wanted.code),))]
    return [any_of(_unit_in_body(path.names, path.datatype, wanted.code) for path in parameter.paths)]


def _unit_in_body(names: tuple[str, ...], datatype: str, code: str) -> Predicate:
    """The form without a system asks for the code or the unit as people read it, which only the body has."""
    below = {"Range": (".low", ".high"), "SampledData": (".origin",)}.get(datatype, ("",))
    place = "".join(f'."{name}"' for name in names)
    fields = ("currency",) if datatype == "Money" else ("code", "unit")
    tests = " || ".join(f"@.{field} == $unit" for field in fields)
    return any_of(
        Predicate(
            f"jsonb_path_exists(r.body, '${place}{part} ? ({tests})', jsonb_build_object('unit', %s::text))",
            (code,),
        )
        for part in below
    )


def _keys(wanted: Condition) -> list[str]:
    return [key for one in wanted.asked if isinstance(one, reference.Asked) for key in one.keys]


def _token(wanted: Condition) -> Predicate:
    prefix = wanted.parameter.prefix
    found = tokens(token.asked_token(prefix, one) for one in wanted.asked if isinstance(one, token.Asked))
    return negation(found) if wanted.modifier == "not" else found


def _reference(wanted: Condition) -> Predicate:
    prefix = wanted.parameter.prefix
    if wanted.modifier == "identifier":
        named = f"{prefix}:identifier"
        return tokens(token.asked_token(named, one) for one in wanted.asked if isinstance(one, token.Asked))
    keys = _keys(wanted)
    about = (
        [id for id in map(reference.patient_id, keys) if id] if wanted.parameter.column == "patient" else []
    )
    others = [key for key in keys if not about or reference.patient_id(key) is None]
    found = [tokens(reference.token(prefix, key) for key in others)] if others else []
    return any_of([*([_about(about)] if about else []), *found])


def _about(patients: list[str]) -> Predicate:
    if len(patients) == 1:
        return Predicate("r.patient = (SELECT key FROM patient_key WHERE id = %s)", (patients[0],))
    return Predicate(
        "r.patient = ANY(ARRAY(SELECT key FROM patient_key WHERE id = ANY(%s::text[])))", (patients,)
    )


def _uri(wanted: Condition) -> Predicate:
    return tokens(uri.token(wanted.parameter.prefix, one) for one in wanted.asked if isinstance(one, str))


def _rows(table: str, parameter: Parameter, condition: Predicate) -> Predicate:
    sql = f"r.rid IN (SELECT v.rid FROM {table} v WHERE v.param = %s AND {condition.sql})"
    return Predicate(sql, (parameter.number, *condition.params))


def _date(wanted: Condition) -> Predicate:
    lies = any_of(dates(one, "v.lo", "v.hi") for one in wanted.asked if isinstance(one, date.Asked))
    return _rows("resource_date", wanted.parameter, lies)


def _number(wanted: Condition) -> Predicate:
    lies = any_of(numbers(one, "v.lo", "v.hi") for one in wanted.asked if isinstance(one, number.Asked))
    return _rows("resource_number", wanted.parameter, lies)


def _quantity(wanted: Condition) -> Predicate:
    return any_of(
        _quantity_rows(wanted.parameter, one) for one in wanted.asked if isinstance(one, quantity.Asked)
    )


def _quantity_rows(parameter: Parameter, wanted: quantity.Asked) -> Predicate:
    lies, unit = numbers(wanted.number, "v.lo", "v.hi"), _unit(parameter, wanted, "v.unit")
    if wanted.code is None or wanted.system is not None:
        return _rows("resource_number", parameter, conjunction([lies, *unit]))
    return conjunction([_rows("resource_number", parameter, lies), *unit])


def _string(wanted: Condition) -> Predicate:
    return any_of(
        _rows("resource_string", wanted.parameter, _text(one))
        for one in wanted.asked
        if isinstance(one, string.Asked)
    )


def _text(wanted: string.Asked) -> Predicate:
    """The index holds the first `_INDEXED` characters; longer texts are compared whole as well."""
    match wanted.mode:
        case "exact":
            folded = string.normalize(wanted.text)[:_INDEXED]
            return Predicate("left(v.folded, 200) = %s AND v.exact = %s", (folded, wanted.text))
        case "contains":
            return Predicate("strpos(v.folded, %s) > 0", (wanted.text,))
        case "starts":
            begin = wanted.text[:_INDEXED]
            found = Predicate(
                "left(v.folded, 200) >= %s AND left(v.folded, 200) < %s", (begin, begin + string.LAST)
            )
            whole = [Predicate("starts_with(v.folded, %s)", (wanted.text,))] if begin != wanted.text else []
            return conjunction([found, *whole])


_KINDS: Final[Mapping[Kind, Callable[[Condition], Predicate]]] = MappingProxyType(
    {
        "token": _token,
        "reference": _reference,
        "uri": _uri,
        "date": _date,
        "number": _number,
        "quantity": _quantity,
        "string": _string,
    }
)
