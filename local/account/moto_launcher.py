"""Starts moto (the version of moto-requirements.txt) on loopback, for RDS and Application Auto Scaling, with its gaps closed.

usage: moto_launcher.py PORT
"""

import os
import pathlib
import re
import signal
import sys
import threading
import time
from datetime import timedelta
from importlib.metadata import version

from gaps.patching import expect, target

pins = pathlib.Path(__file__).with_name("moto-requirements.txt").read_text()
pinned = re.search(r"^moto==(.+)$", pins, re.M).group(1)
expect(version("moto") == pinned == "5.2.5", f"moto 5.2.5, found {version('moto')}, pinned {pinned}")

from moto.core.responses import ActionResult  # noqa: E402
from moto.core.utils import utcnow  # noqa: E402
from moto.moto_api._internal import mock_random  # noqa: E402
from moto.rds import exceptions, models, responses  # noqa: E402

Backend, Response = models.RDSBackend, responses.RDSResponse
target(Backend, "restore_db_instance_to_point_in_time", "self source_db_identifier target_db_identifier overrides")
target(
    Backend,
    "restore_db_cluster_to_point_in_time",
    "self db_cluster_identifier source_db_cluster_identifier restore_type restore_to_time use_latest_restorable_time overrides",
)
target(Backend, "modify_db_instance", "self db_instance_identifier db_kwargs")
target(Backend, "create_db_instance", "self db_kwargs")
target(Response, "restore_db_instance_to_point_in_time", "self")
target(Response, "describe_db_instance_automated_backups", "self")

# Every instance of moto has the same resource id, by which a renamed one could not be told from another.
instance_made = models.DBInstance.__init__


def make_instance(self, *args, **kwargs):
    instance_made(self, *args, **kwargs)
    self.dbi_resource_id = "db-" + mock_random.get_random_string(length=26).upper()


models.DBInstance.__init__ = make_instance


def named(resources, attribute, resource_id, missing):
    for name, resource in resources.items():
        if getattr(resource, attribute) == resource_id:
            return name
    raise missing(resource_id)


# A restore may name its source by the resource id.
def restore_instance(self):
    source = self.params.get("SourceDBInstanceIdentifier") or named(
        self.backend.databases,
        "dbi_resource_id",
        self.params.get("SourceDbiResourceId"),
        exceptions.DBInstanceNotFoundError,
    )
    name = self.params.get("TargetDBInstanceIdentifier")
    if name in self.backend.databases:
        raise exceptions.DBInstanceAlreadyExists()
    return ActionResult({"DBInstance": self.backend.restore_db_instance_to_point_in_time(source, name, self.params)})


Response.restore_db_instance_to_point_in_time = restore_instance
restore_cluster = Backend.restore_db_cluster_to_point_in_time


def restore_cluster_by_id(self, db_cluster_identifier, source_db_cluster_identifier=None, source_db_cluster_resource_id=None, **rest):
    source = source_db_cluster_identifier or named(
        self.clusters, "db_cluster_resource_id", source_db_cluster_resource_id, exceptions.DBClusterNotFoundError
    )
    return restore_cluster(self, db_cluster_identifier, source, **rest)


Backend.restore_db_cluster_to_point_in_time = restore_cluster_by_id

# A name that is taken can not be taken again.
modify_instance = Backend.modify_db_instance


def rename_instance(self, db_instance_identifier, db_kwargs):
    if (db_kwargs.get("new_db_instance_identifier") or "") in self.databases:
        raise exceptions.DBInstanceAlreadyExists()
    return modify_instance(self, db_instance_identifier, db_kwargs)


Backend.modify_db_instance = rename_instance


# The default option group that moto reports it does not accept.
make_in_backend = Backend.create_db_instance


def create_instance(self, db_kwargs):
    if str(db_kwargs.get("option_group_name", "")).startswith("default:"):
        db_kwargs = {key: value for key, value in db_kwargs.items() if key != "option_group_name"}
    return make_in_backend(self, db_kwargs)


Backend.create_db_instance = create_instance


# Of deleted instances nothing is kept; of living ones the window begins when they were made.
def automated_backups(self):
    wanted = self.params.get("DbiResourceId")
    living = [
        one
        for one in self.backend.databases.values()
        if wanted in (None, one.dbi_resource_id) and one.backup_retention_period
    ]
    backups = [
        {
            "DbiResourceId": one.dbi_resource_id,
            "DBInstanceIdentifier": one.db_instance_identifier,
            "Status": "active",
            "RestoreWindow": {"EarliestTime": utcnow() - timedelta(days=int(one.backup_retention_period)), "LatestTime": utcnow()},
        }
        for one in living
    ]
    return ActionResult({"DBInstanceAutomatedBackups": backups})


Response.describe_db_instance_automated_backups = automated_backups
Response.describe_account_attributes = lambda self: ActionResult({"AccountQuotas": []})
Response.describe_db_engine_versions = lambda self: ActionResult(
    {"DBEngineVersions": [{"Engine": self.params.get("Engine"), "EngineVersion": self.params.get("EngineVersion")}]}
)


def end_with_parent(parent):
    """A server whose owner was killed has nobody left to stop it."""
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


threading.Thread(target=end_with_parent, args=(os.getppid(),), daemon=True).start()

from moto.server import main  # noqa: E402

main(["-H", "127.0.0.1", "-p", sys.argv[1]])
