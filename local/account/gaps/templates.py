"""CloudFormation: properties that the emulator drops or leaves in the wrong spelling, and what Ref answers."""

from ministack.services import ecs, scheduler, secretsmanager
from ministack.services.cloudformation import provisioners as cfn

from .patching import expect, target, wrap

expect(isinstance(cfn._RESOURCE_HANDLERS, dict), "provisioners._RESOURCE_HANDLERS")


def _handler(resource_type, action, name):
    """Let the table of handlers, filled when the module was read, point at the patched function."""
    handlers = cfn._RESOURCE_HANDLERS[resource_type]
    expect(action in handlers, f"a {action} handler of {resource_type}")
    handlers[action] = getattr(cfn, name)


# --- Secrets Manager: Ref of a secret is its ARN ---------------------------------------------------------------------

expect(hasattr(secretsmanager, "_secrets"), "secretsmanager._secrets")


def _secret_name(physical_id):
    return next((n for n, s in secretsmanager._secrets.items() if s.get("ARN") == physical_id), physical_id)


@wrap(cfn, "_sm_secret_create", "logical_id props stack_name")
def _create_secret(original, logical_id, props, stack_name):
    _, attributes = original(logical_id, props, stack_name)
    return attributes["Arn"], attributes


@wrap(cfn, "_sm_secret_update", "physical_id old_props new_props stack_name logical_id")
def _update_secret(original, physical_id, old_props, new_props, stack_name, logical_id=None):
    _, attributes = original(_secret_name(physical_id), old_props, new_props, stack_name, logical_id)
    return attributes["Arn"], attributes


@wrap(cfn, "_sm_secret_delete", "physical_id props")
def _delete_secret(original, physical_id, props):
    return original(_secret_name(physical_id), props)


for _action in ("create", "update", "delete"):
    _handler("AWS::SecretsManager::Secret", _action, f"_sm_secret_{_action}")


# --- ECS: nested members in the API's spelling, storage and platform kept ---------------------------------------------

target(cfn, "_cfn_to_camel", "key")


def _camel(value):
    if isinstance(value, list):
        return [_camel(v) for v in value]
    if isinstance(value, dict):
        return {cfn._cfn_to_camel(k): _camel(v) for k, v in value.items()}
    return value


@wrap(cfn, "_normalize_container_defs", "cdefs")
def _containers(original, cdefs):
    result = original(cdefs)
    for container in result:
        for member in ("secrets", "linuxParameters", "ulimits", "dependsOn", "healthCheck"):
            if member in container:
                container[member] = _camel(container[member])
        # Log options are a map of names that must not change.
        logging = container.get("logConfiguration")
        if logging and logging.get("secretOptions"):
            logging["secretOptions"] = _camel(logging["secretOptions"])
    return result


# CloudFormation's own spelling of these is not the API's with another first letter.
_SPELLING = {"EFSVolumeConfiguration": "efsVolumeConfiguration", "FilesystemId": "fileSystemId", "IAM": "iam"}


def _volume(value):
    if isinstance(value, dict):
        return {_SPELLING.get(k) or cfn._cfn_to_camel(k): _volume(v) for k, v in value.items()}
    return value


@wrap(cfn, "_ecs_task_def_create", "logical_id props stack_name")
def _task_definition(original, logical_id, props, stack_name):
    arn, attributes = original(logical_id, props, stack_name)
    definition = ecs._task_defs[arn.rsplit("/", 1)[-1]]
    for prop, key in (("EphemeralStorage", "ephemeralStorage"), ("RuntimePlatform", "runtimePlatform")):
        if prop in props:
            definition[key] = _camel(props[prop])
    definition["volumes"] = [_volume(one) for one in props.get("Volumes", [])]
    return arn, attributes


_handler("AWS::ECS::TaskDefinition", "create", "_ecs_task_def_create")


# --- EventBridge Scheduler: time zone, dates and what happens after the last run ---------------------------------------

_KEPT = ("ScheduleExpressionTimezone", "StartDate", "EndDate", "ActionAfterCompletion", "KmsKeyArn")


def _keep(name, props):
    schedule = scheduler._schedules[f"{props.get('GroupName', 'default')}/{name}"]
    for prop in _KEPT:
        if prop in props:
            schedule[prop] = props[prop]


@wrap(cfn, "_scheduler_schedule_create", "logical_id props stack_name")
def _create_schedule(original, logical_id, props, stack_name):
    name, attributes = original(logical_id, props, stack_name)
    _keep(name, props)
    return name, attributes


@wrap(cfn, "_scheduler_schedule_update", "physical_id old_props new_props stack_name")
def _update_schedule(original, physical_id, old_props, new_props, stack_name):
    name, attributes = original(physical_id, old_props, new_props, stack_name)
    _keep(name, new_props)
    return name, attributes


for _action in ("create", "update"):
    _handler("AWS::Scheduler::Schedule", _action, f"_scheduler_schedule_{_action}")


# --- CloudWatch: alarms on metric math are kept, though never evaluated ------------------------------------------------


@wrap(cfn, "_cw_metric_alarm_record", "name props")
def _alarm(original, name, props):
    if not props.get("Metrics"):
        return original(name, props)
    # A metric that nobody writes and whose absence means nothing: the alarm has not enough data, whatever happens.
    stand_in = {"MetricName": "MetricMath", "Namespace": "Unsupported", "TreatMissingData": "missing"}
    return original(name, {**{k: v for k, v in props.items() if k != "Metrics"}, **stand_in})
