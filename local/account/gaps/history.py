"""DynamoDB: point-in-time recovery keeps what it takes to say what a table held at a moment."""

import copy
import json
import time
from collections import defaultdict

from ministack.services import dynamodb

from .patching import expect, target, wrap

# Kept in the table's own record, so that what persists a table persists its history.
HISTORY = "nightjar_history"

expect(hasattr(dynamodb, "_tables"), "dynamodb._tables")
target(dynamodb, "_normalize_table_name", "value")


def named(data):
    """The table a request names, by its name or its ARN."""
    return dynamodb._normalize_table_name(data.get("TableName") or "")


def changed(answer, change):
    """The answer with `change` applied to its document."""
    status, headers, body = answer
    if status != 200:
        return answer
    document = json.loads(body)
    change(document)
    return status, headers, json.dumps(document).encode()


# --- each change with what was there before -------------------------------------------------------------------------


def _remember(table, pk, sk):
    history = table.get(HISTORY)
    if history is not None:
        before = table["items"].get(pk, {}).get(sk)
        history["changes"].append([time.time(), pk, sk, copy.deepcopy(before)])


@wrap(dynamodb, "_set_item", "table pk_val sk_val item")
def _set_item(original, table, pk_val, sk_val, item):
    _remember(table, pk_val, sk_val)
    return original(table, pk_val, sk_val, item)


@wrap(dynamodb, "_remove_item", "table pk_val sk_val")
def _remove_item(original, table, pk_val, sk_val):
    _remember(table, pk_val, sk_val)
    return original(table, pk_val, sk_val)


def items_at(table, moment):
    """The items as they were: every later change undone, the last one first."""
    items = defaultdict(dict, copy.deepcopy(dict(table["items"])))
    for at, pk, sk, before in reversed(table[HISTORY]["changes"]):
        if at <= moment:
            break
        if before is not None:
            items[pk][sk] = copy.deepcopy(before)
        elif sk in items.get(pk, {}):
            del items[pk][sk]
            if not items[pk]:
                del items[pk]
    return items


def window(table):
    """Earliest and latest moment that can be restored, in seconds."""
    now = time.time()
    history = table[HISTORY]
    return max(history["since"], now - history["days"] * 86400), now


@wrap(dynamodb, "_update_continuous_backups", "data")
def _switch(original, data):
    answer = original(data)
    table = dynamodb._tables.get(named(data))
    if answer[0] != 200 or table is None:
        return answer
    spec = data.get("PointInTimeRecoverySpecification") or {}
    if not spec.get("PointInTimeRecoveryEnabled"):
        table.pop(HISTORY, None)
        return answer
    history = table.setdefault(HISTORY, {"since": time.time(), "changes": []})
    history["days"] = spec.get("RecoveryPeriodInDays") or history.get("days") or 35
    return answer


@wrap(dynamodb, "_describe_continuous_backups", "data")
def _describe_switch(original, data):
    table = dynamodb._tables.get(named(data)) or {}

    def tell(document):
        if HISTORY not in table:
            return
        earliest, latest = window(table)
        recovery = document["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        recovery["EarliestRestorableDateTime"], recovery["LatestRestorableDateTime"] = earliest, latest
        recovery["RecoveryPeriodInDays"] = table[HISTORY]["days"]

    return changed(original(data), tell)
