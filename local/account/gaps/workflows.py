"""Step Functions: `.sync` as on AWS, time-outs, and executions that really end when they are stopped."""

import contextvars
import json
import threading
import time

from ministack.core.responses import get_account_id, get_region, now_iso, request_scope
from ministack.services import ecs, stepfunctions as sfn

from .patching import expect, target, wrap

for _name, _parameters in (
    ("_add_event", "execution event_type details"),
    ("_apply_input_path", "state_def data ctx"),
    ("_emit_execution_status_event", "execution"),
    ("_jsonata_state_field", "state_def field expected raw_input ctx"),
    ("_nested_start_execution_request", "input_data"),
    ("_pascal_to_camel", "d"),
    ("_resolve_path_or_ctx", "path data ctx"),
    ("_state_query_language", "state_def ctx"),
    ("_describe_execution", "data"),
):
    target(sfn, _name, _parameters)


class Ended(BaseException):
    """Unwinds the thread of an execution that was stopped: no Catch, no Retry and no next state may see it."""


def _quiet(arguments, inner=threading.excepthook):
    if not issubclass(arguments.exc_type, Ended):
        inner(arguments)


threading.excepthook = _quiet


class Call:
    """One service call in flight; `cancel` stops what it started."""

    def __init__(self, execution):
        self.execution = execution
        self.cancelled = threading.Event()
        self.undo = []

    def cancel(self):
        self.cancelled.set()
        for undo in self.undo:
            undo()


_current = contextvars.ContextVar("call", default=None)
_calls = set()
_lock = threading.Lock()


def _root(execution):
    """The execution a person sees: children of a Distributed Map end with the one that runs the map."""
    while execution.get("mapRunArn"):
        execution = sfn._executions[sfn._map_runs[execution["mapRunArn"]]["executionArn"]]
    return execution


def _check(execution):
    if _root(execution)["status"] != "RUNNING":
        raise Ended()


def _cancel_all(root):
    with _lock:
        calls = [c for c in _calls if _root(c.execution) is root]
    for call in calls:
        call.cancel()
    for child in list(sfn._executions.values()):
        if child.get("mapRunArn") and child["status"] == "RUNNING" and _root(child) is root:
            child.update(status="ABORTED", stopDate=now_iso())
    for run in list(sfn._map_runs.values()):
        if run["status"] == "RUNNING" and run["executionArn"] == root["executionArn"]:
            run.update(status="ABORTED", stopDate=now_iso())


# --- executions ------------------------------------------------------------------------------------------------------


@wrap(sfn, "_start_execution", "data")
def _start_execution(original, data):
    status, headers, body = original(data)
    if status == 400 and json.loads(body).get("__type", "").endswith("ExecutionAlreadyExists"):
        # The same name and input as an execution still running is the same request, delivered again.
        for execution in list(sfn._executions.values()):
            if (
                execution["name"] == data.get("name")
                and execution["stateMachineArn"] == data.get("stateMachineArn")
                and execution["status"] == "RUNNING"
                and execution["input"] == data.get("input", "{}")
            ):
                return sfn.json_response(
                    {"executionArn": execution["executionArn"], "startDate": execution["startDate"]}
                )
    return status, headers, body


@wrap(sfn, "_stop_execution", "data")
def _stop_execution(original, data):
    execution = sfn._executions.get(data.get("executionArn"))
    was = execution and execution["status"]
    answer = original(data)
    if was == "RUNNING" and execution["status"] == "ABORTED":
        _cancel_all(execution)
    return answer


@wrap(sfn, "_fail_execution", "execution error cause")
def _fail(original, execution, error, cause):
    if execution["status"] == "RUNNING":
        original(execution, error, cause)


def _time_out(execution, seconds):
    if execution["status"] != "RUNNING":
        return
    cause = f"The execution ran longer than its {seconds} seconds"
    execution.update(status="TIMED_OUT", stopDate=now_iso(), error="States.Timeout", cause=cause)
    sfn._add_event(
        execution,
        "ExecutionTimedOut",
        {"executionTimedOutEventDetails": {"error": "States.Timeout", "cause": cause}},
    )
    sfn._emit_execution_status_event(execution)
    _cancel_all(execution)


@wrap(sfn, "_run_execution", "exec_arn")
def _run(original, exec_arn):
    execution = sfn._executions.get(exec_arn)
    machine = execution and sfn._state_machines.get(execution["stateMachineArn"])
    seconds = json.loads(machine["definition"]).get("TimeoutSeconds") if machine else None
    timer = None
    if seconds:
        scope = contextvars.copy_context()
        timer = threading.Timer(seconds, scope.run, (_time_out, execution, seconds))
        timer.daemon = True
        timer.start()
    try:
        original(exec_arn)
    except Ended:
        pass
    finally:
        if timer:
            timer.cancel()


@wrap(sfn, "_run_sub_machine", "states start_at input_data execution ctx")
def _sub_machine(original, states, start_at, input_data, execution, ctx):
    if execution.get("mapRunArn") and ctx["Execution"]["Id"] != execution["executionArn"]:
        # A Distributed Map's child is an execution of its own, also in its context object.
        ctx["Execution"] = {
            "Id": execution["executionArn"],
            "Input": json.loads(execution["input"]),
            "Name": execution["name"],
            "StartTime": execution["startDate"],
        }
    return original(states, start_at, input_data, execution, ctx)


# --- tasks -----------------------------------------------------------------------------------------------------------


def _literal_timeout(state, raw_input, ctx):
    """The state with its TimeoutSeconds worked out: the emulator knows only a literal."""
    if sfn._state_query_language(state, ctx) == "JSONata":
        if isinstance(state.get("TimeoutSeconds"), str):
            return {
                **state,
                "TimeoutSeconds": sfn._jsonata_state_field(state, "TimeoutSeconds", "number", raw_input, ctx),
            }
    elif "TimeoutSecondsPath" in state:
        effective = sfn._apply_input_path(state, raw_input, ctx)
        return {**state, "TimeoutSeconds": sfn._resolve_path_or_ctx(state["TimeoutSecondsPath"], effective, ctx)}
    return state


@wrap(sfn, "_execute_task", "state_def raw_input execution ctx")
def _task(original, state_def, raw_input, execution, ctx):
    _check(execution)
    call = Call(execution)
    token = _current.set(call)
    with _lock:
        _calls.add(call)
    try:
        answer = original(_literal_timeout(state_def, raw_input, ctx), raw_input, execution, ctx)
        _check(execution)
        return answer
    finally:
        with _lock:
            _calls.discard(call)
        _current.reset(token)


@wrap(sfn, "_invoke_resource", "resource input_data")
def _invoke(original, resource, input_data):
    call = _current.get()
    if call is None:
        return original(resource, input_data)
    # Each attempt of a retried state is a call of its own.
    call.cancelled.clear()
    call.undo.clear()
    _check(call.execution)
    try:
        return original(resource, input_data)
    except sfn._ExecutionError:
        _check(call.execution)
        raise


@wrap(sfn, "_invoke_resource_with_timeout", "resource input_data timeout")
def _invoke_with_timeout(original, resource, input_data, timeout):
    try:
        return original(resource, input_data, timeout)
    except sfn._ExecutionError as error:
        if error.error == "States.Timeout" and _current.get():
            _current.get().cancel()
        raise


def _pascal(value):
    if isinstance(value, list):
        return [_pascal(v) for v in value]
    if isinstance(value, dict):
        return {k[:1].upper() + k[1:]: _pascal(v) for k, v in value.items()}
    return value


def _failed(task):
    """Whether `.sync` fails on this stopped task: it never ran, was stopped, or a container did not end with 0."""
    return task.get("stopCode") != "EssentialContainerExited" or any(c.get("exitCode") != 0 for c in task["containers"])


def _wait_for_tasks(call, cluster, arns):
    def stop():
        for arn in arns:
            ecs._stop_task({"cluster": cluster, "task": arn, "reason": "Stopped by AWS Step Functions"})

    scope = get_account_id(), get_region()

    def undo():
        with request_scope(*scope):
            stop()

    call.undo.append(undo)
    if call.cancelled.is_set():
        undo()
    while not call.cancelled.wait(0.2):
        _, _, body = ecs._describe_tasks({"cluster": cluster, "tasks": arns})
        tasks = json.loads(body)["tasks"]
        if tasks and all(t["lastStatus"] == "STOPPED" for t in tasks):
            return tasks
    _check(call.execution)
    # The state has timed out; nobody reads this thread's answer any more.
    raise sfn._ExecutionError("States.Timeout", "The state timed out")


def _run_task(resource, input_data):
    request = sfn._pascal_to_camel(input_data)
    status, _, body = ecs._run_task(request)
    answer = json.loads(body) if body else {}
    if status >= 400:
        raise sfn._ExecutionError(
            f"ECS.{answer.get('__type', 'Unknown').rsplit('#', 1)[-1]}", answer.get("message", str(answer))
        )
    if not resource.endswith(".sync"):
        return _pascal(answer)
    if answer.get("failures"):
        raise sfn._ExecutionError("ECS.AmazonECSException", json.dumps(_pascal(answer["failures"])))
    call = _current.get()
    tasks = _wait_for_tasks(call, request.get("cluster", "default"), [t["taskArn"] for t in answer["tasks"]])
    for task in tasks:
        if _failed(task):
            raise sfn._ExecutionError("States.TaskFailed", json.dumps(_pascal(task)))
    return _pascal(tasks[0])


expect(
    sfn._SERVICE_DISPATCH.get("arn:aws:states:::ecs:runTask") is target(
        sfn, "_invoke_ecs_run_task", "resource input_data"
    ),
    "ecs:runTask in the dispatch table",
)
sfn._SERVICE_DISPATCH["arn:aws:states:::ecs:runTask"] = _run_task


@wrap(sfn, "_invoke_nested_start_execution", "resource input_data")
def _nested(original, resource, input_data):
    try:
        return original(resource, input_data)
    except sfn._ExecutionError as error:
        # As AWS names it in a Catch.
        if not error.error.startswith(("States.", "StepFunctions.")):
            name = error.error.removesuffix("Exception")
            raise sfn._ExecutionError(f"StepFunctions.{name}Exception", error.cause) from None
        raise


@wrap(sfn, "_invoke_nested_start_execution_sync", "resource input_data")
def _nested_sync(_, resource, input_data):
    """A child execution like any other: it sends events, can be stopped, and is stopped with its parent."""
    call = _current.get()
    arn = sfn._invoke_nested_start_execution(resource, input_data)["ExecutionArn"]
    child = sfn._executions[arn]
    scope = get_account_id(), get_region()

    def undo():
        with request_scope(*scope):
            sfn._stop_execution({"executionArn": arn, "cause": "The execution that waited for this one ended"})

    call.undo.append(undo)
    if call.cancelled.is_set():
        undo()
    while child["status"] == "RUNNING" and not call.cancelled.wait(0.2):
        time.sleep(0)
    if call.cancelled.is_set():
        _check(call.execution)
        raise sfn._ExecutionError("States.Timeout", "The state timed out")
    told = _pascal(json.loads(sfn._describe_execution({"executionArn": arn})[2]))
    if child["status"] != "SUCCEEDED":
        raise sfn._ExecutionError("States.TaskFailed", json.dumps(told))
    if resource.endswith(".sync:2"):
        for member in ("Input", "Output"):
            told[member] = json.loads(told[member] or "{}")
    return told
