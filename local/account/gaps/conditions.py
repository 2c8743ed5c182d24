"""IAM: the condition keys of services that the emulator leaves out, taken from the request being checked."""

import contextvars
import json
import re

from ministack.core import iam_actions, iam_evaluator
from ministack.services import dynamodb

from .patching import expect, wrap

expect(hasattr(dynamodb, "_tables"), "dynamodb._tables")

_request = contextvars.ContextVar("request", default=None)


def _json(body):
    try:
        document = json.loads(body or b"{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


# --- DynamoDB: the partition keys a request touches --------------------------------------------------------------------


def _hash_name(table, index=None):
    record = dynamodb._tables.get(str(table).rsplit("/", 1)[-1]) or {}
    for candidate in (record.get("GlobalSecondaryIndexes") or []) + (record.get("LocalSecondaryIndexes") or []):
        if index and candidate.get("IndexName") == index:
            return next((k["AttributeName"] for k in candidate["KeySchema"] if k["KeyType"] == "HASH"), None)
    return record.get("pk_name")


def _leading(table, item):
    value = (item or {}).get(_hash_name(table))
    return [str(v) for v in value.values()] if isinstance(value, dict) else []


def _queried(data):
    names, values = data.get("ExpressionAttributeNames") or {}, data.get("ExpressionAttributeValues") or {}
    wanted = _hash_name(data.get("TableName"), data.get("IndexName"))
    for name, value in re.findall(r"([#\w]+)\s*=\s*(:\w+)", data.get("KeyConditionExpression") or ""):
        if names.get(name, name) == wanted and isinstance(values.get(value), dict):
            return [str(v) for v in values[value].values()]
    return []


def _leading_keys(data):
    table = data.get("TableName")
    found = _leading(table, data.get("Item")) + _leading(table, data.get("Key")) + _queried(data)
    for name, requests in (data.get("RequestItems") or {}).items():
        if isinstance(requests, dict):
            found += [k for key in requests.get("Keys", []) for k in _leading(name, key)]
            continue
        for request in requests:
            found += _leading(name, (request.get("PutRequest") or {}).get("Item"))
            found += _leading(name, (request.get("DeleteRequest") or {}).get("Key"))
    for step in data.get("TransactItems") or []:
        for action in step.values():
            found += _leading(action.get("TableName"), action.get("Item") or action.get("Key"))
    return {"dynamodb:LeadingKeys": found} if found else {}


# --- the other services ------------------------------------------------------------------------------------------------


def _s3(action, request):
    if action != "s3:PutObject":
        return {}
    headers, query, method = request["headers"], request["query"], request["method"]
    completes = method == "POST" and "uploadId" in query
    keys = {"s3:ObjectCreationOperation": "true" if completes or (method == "PUT" and "uploadId" not in query) else "false"}
    for header, key in (
        ("if-none-match", "s3:if-none-match"),
        ("if-match", "s3:if-match"),
        ("x-amz-server-side-encryption-aws-kms-key-id", "s3:x-amz-server-side-encryption-aws-kms-key-id"),
        ("x-amz-server-side-encryption-customer-algorithm", "s3:x-amz-server-side-encryption-customer-algorithm"),
    ):
        if headers.get(header):
            keys[key] = headers[header]
    return keys


def _ses(data):
    sender = data.get("FromEmailAddress")
    if not sender:
        return {}
    destination = data.get("Destination") or {}
    recipients = [a for kind in ("ToAddresses", "CcAddresses", "BccAddresses") for a in destination.get(kind) or []]
    keys = {"ses:FromAddress": sender.split("<")[-1].rstrip("> ")}
    if recipients:
        keys["ses:Recipients"] = recipients
    return keys


def _events(data):
    entries = data.get("Entries") or []
    keys = {"events:source": [e["Source"] for e in entries if e.get("Source")]}
    keys["events:detail-type"] = [e["DetailType"] for e in entries if e.get("DetailType")]
    return {k: v for k, v in keys.items() if v}


def _ecs(data, region, account):
    cluster = data.get("cluster")
    if not cluster:
        return {}
    return {"ecs:cluster": cluster if cluster.startswith("arn:") else f"arn:aws:ecs:{region}:{account}:cluster/{cluster}"}


def _metrics(data, query):
    namespace = data.get("Namespace") or query.get("Namespace")
    if isinstance(namespace, list):
        namespace = namespace[0]
    return {"cloudwatch:namespace": namespace} if namespace else {}


def _keys(action, request):
    service, data = action.split(":")[0], _json(request["body"]) if not action.startswith("s3:") else {}
    if service == "dynamodb":
        return _leading_keys(data)
    if service == "s3":
        return _s3(action, request)
    if service == "ses":
        return _ses(data)
    if action == "events:PutEvents":
        return _events(data)
    if service == "ecs":
        return _ecs(data, request["region"], request["account"])
    if action == "cloudwatch:PutMetricData":
        return _metrics(data, request["query"])
    return {}


@wrap(iam_actions, "extract_resource_arn", "service method path headers body query_params region account_id")
def _remember(original, service, method, path, headers, body, query_params, region, account_id):
    # The check that follows is told the action and the resource, but not the request.
    _request.set(
        {"method": method, "headers": headers, "body": body, "query": query_params, "region": region, "account": account_id}
    )
    return original(service, method, path, headers, body, query_params, region, account_id)


@wrap(iam_evaluator, "enforce", "access_key_id iam_action service region resource_arn service_context")
def _enforce(original, access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
    request = _request.get()
    added = _keys(iam_action, request) if request else {}
    return original(access_key_id, iam_action, service, region, resource_arn, {**added, **(service_context or {})})
