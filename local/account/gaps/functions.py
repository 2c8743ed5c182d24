"""Lambda: a Node function that throws is reported with the error's name and stack, by which a Catch finds it."""

import threading

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from .patching import expect, wrap

_SAID = 'status: "error", error: String(err.message || err), trace: err.stack || ""'
_SAYS = 'status: "error", error: String(err.message || err), type: err.name || "Error", trace: err.stack || ""'
_THROWN = 'status: "error", error: e.message, trace: e.stack'
_THROWS = 'status: "error", error: e.message, type: e.name || "Error", trace: e.stack'

for _old, _new in ((_SAID, _SAYS), (_THROWN, _THROWS)):
    expect(lambda_runtime._NODEJS_WORKER_SCRIPT.count(_old) == 1, f"the Node worker to say {_old}")
    lambda_runtime._NODEJS_WORKER_SCRIPT = lambda_runtime._NODEJS_WORKER_SCRIPT.replace(_old, _new)

_last = threading.local()


@wrap(
    lambda_runtime.Worker, "invoke", "self event request_id trace_id depth durable invoked_function_arn"
)
def _invoke(original, self, event, request_id, **more):
    response = original(self, event, request_id, **more)
    _last.error = response if response.get("status") == "error" and response.get("type") else None
    return response


@wrap(lambda_svc, "_execute_function_warm", "func event request_id")
def _execute(original, func, event, request_id):
    _last.error = None
    result = original(func, event, request_id)
    if result.get("error") and _last.error and isinstance(result.get("body"), dict):
        result["body"]["errorType"] = _last.error["type"]
        result["body"]["trace"] = (_last.error.get("trace") or "").splitlines()
    return result
