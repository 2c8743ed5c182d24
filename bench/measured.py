"""Runs a command and writes what it cost, all its children included, as JSON.

    python measured.py OUTFILE COMMAND [ARGUMENT ...]

    seconds     wall time
    cpuSeconds  user and system time of the command and of every child that was waited for
    ownKib      peak resident memory of the command's own process
    peaksKib    peak resident memory by process name, the largest of each name
    sumKib      sum of all processes' peaks: no pipeline needs more
    treeKib     the most that all processes held at one moment; pages of a file that several run from counted once

Peaks are the kernel's high-water marks (VmHWM); all is read every 50 ms. Exits as the command did.
"""

import json
import os
import signal
import sys
import threading
import time


def descendants(pid):
    found = [pid]
    for one in found:
        try:
            for thread in os.listdir(f"/proc/{one}/task"):
                with open(f"/proc/{one}/task/{thread}/children") as file:
                    found.extend(int(child) for child in file.read().split())
        except OSError:
            continue
    return found


def peak_of(pid):
    name, peak = "", 0
    try:
        with open(f"/proc/{pid}/status") as file:
            for line in file:
                if line.startswith("Name:"):
                    name = line.split()[1]
                elif line.startswith("VmHWM:"):
                    return name, int(line.split()[1])
    except OSError:
        pass
    return name, peak


def held(pids):
    """What these processes hold now, in KiB: their own pages, and once for each program the file it runs from."""
    own, files = 0, {}
    for pid in pids:
        try:
            program = os.readlink(f"/proc/{pid}/exe")
            with open(f"/proc/{pid}/status") as file:
                values = {line.split(":")[0]: line.split()[1] for line in file if line.startswith("Rss")}
            own += int(values["RssAnon"]) + int(values["RssShmem"])
            files[program] = max(files.get(program, 0), int(values["RssFile"]))
        except (OSError, KeyError):
            continue
    return own + sum(files.values())


def watch(root, peaks, tree, done):
    while not done.wait(0.05):
        pids = descendants(root)
        for pid in pids:
            name, peak = peak_of(pid)
            # A fork has its parent's name and memory until it becomes what it is for.
            if peak > 0:
                peaks[pid] = (name, peak)
        tree[0] = max(tree[0], held(pids))


def main():
    out, command = sys.argv[1], sys.argv[2:]
    started = time.monotonic()
    # A group of its own, so that a stop reaches all of a pipeline.
    child = os.posix_spawnp(command[0], command, os.environ, setpgroup=0)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os.killpg(child, signal.SIGTERM))
    peaks, tree, done = {}, [0], threading.Event()
    watcher = threading.Thread(target=watch, args=(child, peaks, tree, done), daemon=True)
    watcher.start()
    _, status, usage = os.wait4(child, 0)
    seconds = time.monotonic() - started
    done.set()
    watcher.join()
    by_name = {}
    for name, peak in peaks.values():
        by_name[name] = max(peak, by_name.get(name, 0))
    with open(out, "w") as file:
        json.dump(
            {
                "seconds": seconds,
                "cpuSeconds": usage.ru_utime + usage.ru_stime,
                "ownKib": peaks.get(child, ("", 0))[1],
                "peaksKib": by_name,
                "sumKib": sum(peak for _, peak in peaks.values()),
                "treeKib": tree[0],
            },
            file,
        )
    code = os.waitstatus_to_exitcode(status)
    sys.exit(code if code >= 0 else 128 - code)


main()
