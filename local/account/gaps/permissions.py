"""IAM: the resources that task tokens, mail, the stopping of tasks and DynamoDB's backups are checked on."""

import json
import threading

from ministack.core import iam_actions
from ministack.services import ses, stepfunctions as sfn

from .patching import expect, wrap

_machine_of_token = {}
_running = threading.local()


@wrap(sfn, "_execute_task", "state_def raw_input execution ctx")
def _remember_machine(original, state_def, raw_input, execution, ctx):
    _running.machine = execution["stateMachineArn"]
    return original(state_def, raw_input, execution, ctx)


@wrap(sfn, "_invoke_with_callback", "resource input_data token state_def")
def _remember_token(original, resource, input_data, token, state_def):
    _machine_of_token[token] = _running.machine
    return original(resource, input_data, token, state_def)


expect(hasattr(ses, "_identities"), "ses._identities")


def _sender_identity(address, region, account):
    """The identity SES authorizes a sender by: the address itself where it was verified, else its domain."""
    address = address.split("<")[-1].rstrip("> ")
    name = address if address in ses._identities else address.split("@")[-1]
    return f"arn:aws:ses:{region}:{account}:identity/{name}"


def _dynamodb_resource(request, region, account):
    """What AWS checks the requests on that name no table in the usual field."""
    for field in ("BackupArn", "ResourceArn", "SourceTableArn"):
        if request.get(field):
            return request[field]
    table = request.get("SourceTableName")
    return f"arn:aws:dynamodb:{region}:{account}:table/{table}" if table else None


@wrap(iam_actions, "extract_resource_arn", "service method path headers body query_params region account_id")
def _resource(original, service, method, path, headers, body, query_params, region, account_id):
    arn = original(service, method, path, headers, body, query_params, region, account_id)
    # Stopping a task is checked on the task, not on its cluster, which is a condition.
    if service == "ecs" and headers.get("x-amz-target", "").endswith(".StopTask"):
        task = json.loads(body or b"{}").get("task", "")
        return task if task.startswith("arn:") else arn
    if arn and arn != "*":
        return arn
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return arn
    if service == "states" and request.get("taskToken") in _machine_of_token:
        return _machine_of_token[request["taskToken"]]
    if service == "dynamodb":
        return _dynamodb_resource(request, region, account_id) or arn
    if service == "ses" and method == "POST" and path.rstrip("/").endswith("/outbound-emails"):
        named = request.get("FromEmailAddressIdentityArn")
        sender = request.get("FromEmailAddress")
        if named or sender:
            return named or _sender_identity(sender, region, account_id)
    return arn
