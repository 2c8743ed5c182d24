"""IAM: writes down every request that was authorized, for tests that ask a real policy simulator about each again."""

import json
import os
import threading

from ministack.core import iam_evaluator

from .patching import wrap

_file = os.environ.get("NIGHTJAR_JOURNAL")
_lock = threading.Lock()


def _text(value):
    if isinstance(value, bool):
        return str(value).lower()
    return [str(v) for v in value] if isinstance(value, (list, tuple, set)) else str(value)


if _file:

    @wrap(iam_evaluator, "evaluate", "ctx policies limits")
    def _evaluate(original, ctx, policies, *limits):
        result = original(ctx, policies, *limits)
        line = {
            "principal": ctx.principal_arn,
            "action": ctx.action,
            "resource": ctx.resource_arn,
            "context": {k: _text(v) for k, v in (ctx.service_context or {}).items() if v is not None},
            "decision": result.decision,
        }
        with _lock, open(_file, "a", encoding="utf8") as journal:
            journal.write(json.dumps(line) + "\n")
        return result
