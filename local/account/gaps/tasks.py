"""ECS: a container runner of its own, tasks that stop as on Fargate, and the events they send."""

import json
import logging
import os

import docker
from ministack.core.concurrency import spawn_background
from ministack.core.responses import get_account_id, get_region
from ministack.services import ecs, eventbridge

from .patching import expect, target, wrap

log = logging.getLogger("tasks")

STOP_TIMEOUT = 30
"""Seconds between SIGTERM and SIGKILL where a container definition names none, as on ECS."""

# Only ECS may see the runner: with a Docker daemon at hand the emulator would try to start its RDS instances there.
expect(ecs._docker is None, "ecs._docker to be unset")
ecs._docker = docker.DockerClient(base_url=os.environ["NIGHTJAR_CONTAINERS"], version="1.47", timeout=60)

for _name, _parameters in (
    ("_task_is_active", "task_arn task"),
    ("_resolve_task", "ref cluster_name"),
    ("_resolve_cluster_name", "ref"),
):
    target(ecs, _name, _parameters)
target(eventbridge, "_put_events", "data allow_aws_source")


@wrap(ecs, "_sanitize", "obj")
def _sanitize(original, obj):
    result = original(obj)
    if isinstance(obj, dict) and obj.get("_stop_asked"):
        # Kept out of the record, whose watcher would take it for the end.
        result["desiredStatus"] = "STOPPED"
    return result


def _announce(task):
    eventbridge._put_events(
        {
            "Entries": [
                {
                    "Source": "aws.ecs",
                    "DetailType": "ECS Task State Change",
                    "Resources": [task["taskArn"]],
                    "Detail": json.dumps(ecs._sanitize(task), default=str),
                }
            ]
        },
        allow_aws_source=True,
    )


@wrap(ecs, "_mark_task_running", "task_arn task")
def _running(original, task_arn, task):
    changed = original(task_arn, task)
    if changed:
        _announce(task)
    return changed


@wrap(ecs, "_mark_task_stopped", "task_arn task reason stop_code exit_code")
def _stopped(original, task_arn, task, reason, stop_code, exit_code=None):
    if stop_code == "EssentialContainerExited":
        # A task somebody asked to stop keeps the reason given then, with the exit code it really ended with.
        reason, stop_code = task.get("_stop_asked") or ("Essential container in task exited", stop_code)
    changed = original(task_arn, task, reason, stop_code, exit_code)
    if changed:
        _announce(task)
    return changed


def _stop_containers(task, client):
    """SIGTERM, then SIGKILL after each container's own stopTimeout; the watcher then sees the task end."""
    seconds = task.get("_stop_timeout", STOP_TIMEOUT)
    for container_id in list(task.get("_docker_ids") or []):
        try:
            client.api.stop(container_id, timeout=seconds)
        except docker.errors.APIError as error:
            log.warning("could not stop %s: %s", container_id, error)


@wrap(ecs, "_stop_task", "data")
def _stop_task(original, data):
    cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
    task = cluster and ecs._resolve_task(data.get("task", ""), cluster)
    # Before its container runs there is nothing to end gently.
    if not task or task["lastStatus"] != "RUNNING" or not task.get("_docker_ids"):
        return original(data)
    if not task.get("_stop_asked"):
        task["_stop_asked"] = (data.get("reason", "Task stopped by user"), "UserInitiated")
        ecs._bump_task_version(task)
        spawn_background(_stop_containers, task, ecs._docker, thread_name="stop-task")
    return ecs.json_response({"task": ecs._sanitize(task)})


@wrap(ecs, "_start_task_worker", "task td container_overrides docker_client")
def _start(original, task, td, container_overrides, docker_client):
    task["_stop_timeout"] = max(
        [int(c.get("stopTimeout") or STOP_TIMEOUT) for c in td.get("containerDefinitions", [])], default=STOP_TIMEOUT
    )
    return original(task, td, container_overrides, docker_client)


@wrap(ecs, "_run_task", "data")
def _run_task(original, data):
    status, headers, body = original(data)
    if status >= 400:
        return status, headers, body
    answer = json.loads(body)
    overrides = data.get("overrides") or {}
    for told in answer.get("tasks", []):
        for record in (told, ecs._tasks[told["taskArn"]]):
            for member in ("cpu", "memory", "ephemeralStorage"):
                if overrides.get(member):
                    record[member] = overrides[member]
    return status, headers, json.dumps(answer).encode()


def _mounts(cdef, td):
    """Paths in the container by access point; the emulator's own binds know directories of a host only."""
    points = {}
    for volume in td.get("volumes", []):
        efs = volume.get("efsVolumeConfiguration")
        if efs:
            points[volume["name"]] = efs["authorizationConfig"]["accessPointId"]
    return {
        points[mount["sourceVolume"]]: mount["containerPath"]
        for mount in cdef.get("mountPoints", [])
        if mount.get("sourceVolume") in points
    }


@wrap(
    ecs,
    "_build_run_kwargs",
    "cdef td env port_bindings ecs_network host_mode task_id task_arn ministack_net_ip cluster_arn",
)
def _run_arguments(original, cdef, td, env, *rest):
    """Tell the runner what ECS's agent would know: whose role the task has and which file systems it mounts."""
    arguments = original(cdef, td, env, *rest)
    arguments["labels"]["nightjar.task-role"] = td.get("taskRoleArn") or ""
    arguments["labels"]["nightjar.region"] = get_region()
    arguments["labels"]["nightjar.account"] = get_account_id()
    arguments["labels"]["nightjar.mounts"] = json.dumps(_mounts(cdef, td))
    return arguments


for _action, _name in (("RunTask", "_run_task"), ("StopTask", "_stop_task")):
    expect(_action in ecs._ACTION_MAP, f"{_action} in ecs._ACTION_MAP")
    ecs._ACTION_MAP[_action] = getattr(ecs, _name)
