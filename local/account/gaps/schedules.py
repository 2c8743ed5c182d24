"""EventBridge Scheduler: time zones, context attributes, StartExecution as a universal target, a finer tick."""

import copy
import json
import logging
import re
import time
import uuid
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

from ministack.core.responses import get_account_id, get_region, set_request_account_id, set_request_region
from ministack.services import eventbridge, scheduler, stepfunctions

from .patching import expect, target

log = logging.getLogger("schedules")

for _module, _name, _parameters in (
    (scheduler, "_tick_schedules", ""),
    (scheduler, "_to_epoch", "value"),
    (eventbridge, "_parse_rate_seconds", "expr"),
    (eventbridge, "_parse_cron_fields", "expr"),
    (eventbridge, "_cron_next_fire", "fields after_dt"),
    (eventbridge, "_invoke_target", "target event rule view"),
    (stepfunctions, "_start_execution", "data"),
):
    target(_module, _name, _parameters)
expect(scheduler._SCHEDULE_TICK_INTERVAL == 10, "a tick of 10 s")
scheduler._SCHEDULE_TICK_INTERVAL = 1


def _next_cron(fields, after, zone):
    """The first instant after `after` (epoch seconds) that the fields name in `zone`, or None.

    A wall-clock time that daylight saving skips does not happen, as on AWS.
    """
    local = datetime.fromtimestamp(after, zone)
    while (local := eventbridge._cron_next_fire(fields, local)) is not None:
        if datetime.fromtimestamp(local.timestamp(), zone).replace(tzinfo=None) == local.replace(tzinfo=None):
            return local.timestamp()
    return None


def next_time(schedule, after):
    """When `schedule` fires next after the epoch second `after`; None for never."""
    expression = schedule.get("ScheduleExpression", "")
    zone = ZoneInfo(schedule.get("ScheduleExpressionTimezone") or "UTC")
    once = re.fullmatch(r"\s*at\((.+)\)\s*", expression)
    if once:
        moment = datetime.fromisoformat(once.group(1)).replace(tzinfo=zone).timestamp()
        return moment if moment > after else None
    interval = eventbridge._parse_rate_seconds(expression)
    if interval is not None:
        return after + interval
    fields = eventbridge._parse_cron_fields(expression)
    return None if fields is None else _next_cron(fields, after, zone)


def _with_context(value, schedule, scheduled):
    """Replace the context attributes in a target's input."""
    attributes = {
        "aws.scheduler.scheduled-time": datetime.fromtimestamp(scheduled, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws.scheduler.execution-id": str(uuid.uuid4()),
        "aws.scheduler.attempt-number": "1",
        "aws.scheduler.schedule-arn": schedule["Arn"],
    }
    return re.sub(r"<(aws\.scheduler\.[a-z-]+)>", lambda m: attributes.get(m.group(1), m.group(0)), value)


def _fire(schedule, scheduled):
    aim = copy.deepcopy(schedule["Target"])
    if aim.get("Input"):
        aim["Input"] = _with_context(aim["Input"], schedule, scheduled)
    if aim["Arn"] == "arn:aws:scheduler:::aws-sdk:sfn:startExecution":
        wanted = json.loads(aim.get("Input") or "{}")
        status, _, body = stepfunctions._start_execution(
            {"stateMachineArn": wanted.get("StateMachineArn"), "name": wanted.get("Name"), "input": wanted.get("Input", "{}")}
        )
        if status >= 400:
            log.warning("%s: StartExecution answered %s", schedule["Arn"], body)
        return
    event = {
        "EventId": str(uuid.uuid4()),
        "Source": "aws.scheduler",
        "DetailType": "Scheduled Event",
        "Detail": "{}",
        "Time": scheduled,
        "Resources": [schedule["Arn"]],
        "Account": get_account_id(),
        "Region": get_region(),
    }
    eventbridge._invoke_target(aim, event, schedule)


def _tick():
    now = time.time()
    before = get_account_id(), get_region()
    try:
        for key, schedule in list(scheduler._schedules._data.items()):
            account, region, _ = key
            start, end = (scheduler._to_epoch(schedule.get(k)) for k in ("StartDate", "EndDate"))
            if schedule.get("State") != "ENABLED" or (start and now < start) or (end and now > end):
                # What was missed while it was off is not caught up.
                scheduler._schedule_last_fired[key] = now
                continue
            last = scheduler._schedule_last_fired.setdefault(
                key, max(schedule.get("LastModificationDate") or 0, now - 60)
            )
            due = next_time(schedule, last)
            if due is None or due > now:
                continue
            scheduler._schedule_last_fired[key] = due
            set_request_account_id(account)
            set_request_region(region)
            try:
                _fire(schedule, due)
            except Exception:
                log.exception("schedule %s could not be delivered", schedule["Arn"])
            if next_time(schedule, due) is None and schedule.get("ActionAfterCompletion") == "DELETE":
                scheduler._schedules._data.pop(key, None)
                scheduler._schedule_last_fired.pop(key, None)
    finally:
        set_request_account_id(before[0])
        set_request_region(before[1])


scheduler._tick_schedules = _tick
