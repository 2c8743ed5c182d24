"""DynamoDB: restored tables with the items of the moment asked for and without what AWS resets, states that take a moment
(CREATING, DELETING), and resource policies that are enforced."""

import copy
import json
import math
import time

from ministack.core import iam_evaluator
from ministack.services import dynamodb

from .history import HISTORY, changed, items_at, named, window
from .patching import expect, target, wrap

# How long a table or a backup is on its way; AWS takes minutes.
MOMENT = 0.3
# Kept in the table's own record, so that what persists a table persists them.
READY_AT = "nightjar_ready_at"
GONE_AT = "nightjar_gone_at"

for name in ("_tables", "_backups", "_resource_policies", "_contributor_insights", "_lock"):
    expect(hasattr(dynamodb, name), f"dynamodb.{name}")
target(dynamodb, "_items_replaced", "table")
target(dynamodb, "_sse_description_from_spec", "spec")
_really_delete = target(dynamodb, "_delete_table", "data")


def _error(code, message):
    return dynamodb.error_response_json(code, message, 400)


# --- restores ---------------------------------------------------------------------------------------------------------


def _begun(target_name, data, source, summary, sse):
    """Finishes what the emulator began: what AWS keeps, and the time it takes."""
    table = dynamodb._tables[target_name]
    override = data.get("SSESpecificationOverride")
    table["SSEDescription"] = dynamodb._sse_description_from_spec(override) if override else copy.deepcopy(sse)
    if (table["SSEDescription"] or {}).get("Status") == "DISABLED":
        table["SSEDescription"] = None
    table["RestoreSummary"] = {**summary, "SourceTableArn": source, "RestoreInProgress": True}
    table["TableStatus"] = "CREATING"
    table[READY_AT] = time.time() + MOMENT
    return dynamodb.json_response({"TableDescription": dynamodb._table_description(target_name)})


@wrap(
    dynamodb,
    "_restore_create_request",
    "target key_schema attr_defs billing_mode throughput data gsis lsis vector_indexes",
)
def _with_override(original, target, keys, attributes, billing, throughput, data, gsis, lsis, vectors):
    asked = data.get("ProvisionedThroughputOverride") or throughput
    return original(target, keys, attributes, billing, asked, data, gsis, lsis, vectors)


@wrap(dynamodb, "_restore_table_to_point_in_time", "data")
def _to_moment(original, data):
    name = dynamodb._normalize_table_name(data.get("SourceTableName") or data.get("SourceTableArn") or "")
    source = dynamodb._tables.get(name)
    if source is None or not data.get("TargetTableName"):
        return original(data)
    if HISTORY not in source:
        return _error("PointInTimeRecoveryUnavailableException", f"Point in time recovery is not enabled for table '{name}'")
    earliest, latest = window(source)
    asked = data.get("RestoreDateTime")
    if (asked is None) == (not data.get("UseLatestRestorableTime")):
        return _error("ValidationException", "Provide either RestoreDateTime or UseLatestRestorableTime")
    moment = latest if asked is None else float(asked)
    # A caller that rounds to milliseconds may land just before the window.
    if moment < math.floor(earliest * 1000) / 1000 or moment > latest:
        return _error("InvalidRestoreTimeException", f"Invalid restore time: {asked} is not between {earliest} and {latest}")
    with dynamodb._lock:
        items = items_at(source, moment)
    answer = original(data)
    if answer[0] != 200:
        return answer
    restored = dynamodb._tables[data["TargetTableName"]]
    restored["items"] = items
    dynamodb._items_replaced(restored)
    return _begun(data["TargetTableName"], data, source["TableArn"], {"RestoreDateTime": moment}, source.get("SSEDescription"))


@wrap(dynamodb, "_restore_table_from_backup", "data")
def _from_backup(original, data):
    backup = dynamodb._backups.get(data.get("BackupArn") or "")
    if backup and backup["BackupDetails"]["BackupStatus"] == "CREATING":
        return _error("BackupInUseException", f"Backup is being created: {data['BackupArn']}")
    answer = original(data)
    if answer[0] != 200:
        return answer
    source = backup["SourceTableDetails"]["TableArn"]
    summary = {"SourceBackupArn": data["BackupArn"], "RestoreDateTime": time.time()}
    return _begun(data["TargetTableName"], data, source, summary, backup["SourceTableFeatureDetails"].get("SSEDescription"))


@wrap(dynamodb, "_table_description", "name")
def _describe(original, name):
    summary = dynamodb._tables[name].get("RestoreSummary")
    return {**original(name), **({"RestoreSummary": summary} if summary else {})}


@wrap(dynamodb, "_update_table", "data")
def _update(original, data):
    answer = original(data)
    warm = data.get("WarmThroughput")
    if answer[0] == 200 and warm:
        dynamodb._tables[named(data)]["WarmThroughput"] = {**warm, "Status": "ACTIVE"}
    return answer


# --- backups ----------------------------------------------------------------------------------------------------------


@wrap(dynamodb, "_create_backup", "data")
def _begin_backup(original, data):
    answer = original(data)
    if answer[0] != 200:
        return answer
    made = dynamodb._backups[json.loads(answer[2])["BackupDetails"]["BackupArn"]]
    made["BackupDetails"]["BackupStatus"] = "CREATING"
    made["_ready_at"] = time.time() + MOMENT
    return dynamodb.json_response({"BackupDetails": made["BackupDetails"]})


@wrap(dynamodb, "_delete_backup", "data")
def _delete_backup(original, data):
    backup = dynamodb._backups.get(data.get("BackupArn") or "")
    if backup and backup["BackupDetails"]["BackupStatus"] == "CREATING":
        return _error("BackupInUseException", f"Backup is being created: {data['BackupArn']}")
    return original(data)


@wrap(dynamodb, "_list_backups", "data")
def _list_backups(original, data):
    asked = data.get("BackupType") or "USER"

    def choose(document):
        document["BackupSummaries"] = [b for b in document["BackupSummaries"] if asked in ("ALL", b["BackupType"])]

    return changed(original(data), choose)


def _keep_deleted(name):
    """With point-in-time recovery on, AWS keeps a backup of a deleted table for 35 days."""
    answer = dynamodb._create_backup({"TableName": name, "BackupName": f"{name}$DeletedTableBackup"})
    made = dynamodb._backups[json.loads(answer[2])["BackupDetails"]["BackupArn"]]
    made["BackupDetails"].update(BackupType="SYSTEM", BackupStatus="AVAILABLE")


# --- what takes a moment ----------------------------------------------------------------------------------------------


def _settle():
    now = time.time()
    for name, table in list(dynamodb._tables.items()):
        if table.get(GONE_AT, math.inf) <= now:
            _forget(name, table)
        elif table.get(READY_AT, math.inf) <= now:
            del table[READY_AT]
            table["TableStatus"] = "ACTIVE"
            table["RestoreSummary"]["RestoreInProgress"] = False
    for backup in list(dynamodb._backups.values()):
        if backup.get("_ready_at", math.inf) <= now:
            del backup["_ready_at"]
            backup["BackupDetails"]["BackupStatus"] = "AVAILABLE"


def _forget(name, table):
    _really_delete({"TableName": name})
    arn = table["TableArn"]
    for key in [k for k in dynamodb._resource_policies if k == arn or k.startswith(f"{arn}/stream/")]:
        dynamodb._resource_policies.pop(key, None)
    for key in [k for k in dynamodb._contributor_insights if k == name or k.startswith(f"{name}/index/")]:
        dynamodb._contributor_insights.pop(key, None)


@wrap(dynamodb, "_delete_table", "data")
def _delete(original, data):
    name = named(data)
    table = dynamodb._tables.get(name)
    if table is None or table.get("DeletionProtectionEnabled"):
        return original(data)
    arn = table["TableArn"]
    backups = [b for b in dynamodb._backups.values() if b["SourceTableDetails"]["TableArn"] == arn]
    if any(b["BackupDetails"]["BackupStatus"] == "CREATING" for b in backups):
        return _error("ResourceInUseException", f"Table is being backed up: {name}")
    if HISTORY in table:
        _keep_deleted(name)
    table["TableStatus"] = "DELETING"
    table[GONE_AT] = time.time() + MOMENT
    return dynamodb.json_response({"TableDescription": dynamodb._table_description(name)})


# What a table that is not ACTIVE answers, by the kind of request.
ITEMS = ("PutItem", "GetItem", "UpdateItem", "DeleteItem", "Query", "Scan")
SWITCHES = ("UpdateContinuousBackups", "DescribeContinuousBackups", "CreateBackup")
TABLE = ("UpdateTable", "DeleteTable", "UpdateTimeToLive", "UpdateContributorInsights")


def _refusal(action, data):
    table = dynamodb._tables.get(named(data))
    if table is None:
        return None
    name = table["TableName"]
    if action == "UpdateTable" and data.get("StreamSpecification"):
        was = bool((table.get("StreamSpecification") or {}).get("StreamEnabled"))
        if was == bool(data["StreamSpecification"].get("StreamEnabled")):
            return _error("ValidationException", f"Table already has {'an enabled' if was else 'no'} stream: {name}")
    if table["TableStatus"] not in ("CREATING", "DELETING"):
        return None
    if action in ITEMS:
        return _error("ResourceNotFoundException", f"Requested resource not found: Table: {name} is {table['TableStatus']}")
    if action in SWITCHES:
        return _error("TableNotFoundException", f"Table not found: {name} is {table['TableStatus']}")
    if action in TABLE:
        return _error("ResourceInUseException", f"Attempt to change a resource which is still in use: {name}")
    return None


@wrap(dynamodb, "handle_request", "method path headers body query_params")
async def _handle(original, method, path, headers, body, query_params):
    _settle()
    try:
        data = json.loads(body or b"{}")
    except ValueError:
        data = {}
    refusal = _refusal(headers.get("x-amz-target", "").split(".")[-1], data) if isinstance(data, dict) else None
    return refusal or await original(method, path, headers, body, query_params)


# --- resource policies: looked up by the emulator's own evaluator ------------------------------------------------------

expect("kinesis" in iam_evaluator._RESOURCE_POLICY_LOOKUPS, "iam_evaluator._RESOURCE_POLICY_LOOKUPS")


def _policy_for_arn(arn):
    """The policy of the table that an ARN (of it, or of its index) names, with the account that owns it."""
    table_arn = arn.split("/index/")[0]
    entry = dynamodb._resource_policies.get(table_arn)
    return (entry["Policy"], table_arn.split(":")[4]) if entry else None


dynamodb.nightjar_policy_for_arn = _policy_for_arn
iam_evaluator._RESOURCE_POLICY_LOOKUPS["dynamodb"] = ("dynamodb", "nightjar_policy_for_arn")
