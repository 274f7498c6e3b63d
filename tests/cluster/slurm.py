"""A Slurm cluster on this machine, for tests: a controller and two nodes, in a folder of its own.

`python tests/cluster/slurm.py FOLDER` starts one, prints what to set, and stops it at Ctrl-C.
"""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
SECONDS = 60  # until everything answers

CONFIGURATION = """\
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CryptoType=crypto/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SlurmdTimeout=10
MinJobAge=30
KillWait=2
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/node-%n.pid
SlurmctldLogFile={folder}/controller.log
SlurmdLogFile={folder}/node-%n.log
SchedulerParameters=batch_sched_delay=0,sched_min_interval=100000,sched_interval=2,\
bf_interval=2,requeue_delay=1
{nodes}
PartitionName=short Nodes=n1,n2 Default=YES MaxTime=60 State=UP
"""


def missing() -> list[str]:
    """The programs that are not installed."""
    return [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


class Slurm:
    """The running cluster.

    Args:
        folder: for keys, state and logs; a short path, for a socket is in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": _path()}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        try:
            self._start_munge()
            self._configure()
            self._start("controller", "slurmctld", "-D", "-i")
            for name in ("n1", "n2"):
                self.start_node(name)
            self._wait(lambda: self._idle() == 2)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End every process of the cluster, and the jobs that run in it."""
        if "controller" in self._running:
            self.call("scancel", "--me", check=False)
        for process in reversed(self._running.values()):
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()

    def start_node(self, name: str) -> None:
        """Start a node, or start it again."""
        self._start(name, "slurmd", "-D", "-N", name)

    def kill_node(self, name: str) -> None:
        """End a node and all that runs on it, as where a machine loses power."""
        process = self._running.pop(name)
        for child in _descendants(process.pid):
            os.kill(child, signal.SIGKILL)
        process.kill()
        process.wait()

    def call(self, *words: str, check: bool = True) -> str:
        """The output of a command of Slurm."""
        done = subprocess.run(
            words, env={**os.environ, **self.environment}, check=check, capture_output=True
        )
        return done.stdout.decode()

    def _start(self, name: str, *words: str) -> None:
        with (self.folder / f"{name}.out").open("ab") as log:
            self._running[name] = subprocess.Popen(
                words,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _start_munge(self) -> None:
        """The service that signs messages; it takes no other user's folder, and not root's."""
        own = self.folder / "munge"
        own.mkdir(mode=0o755, exist_ok=True)
        key = own / "key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        names = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log"}
        options = [f"--{name}={own / file}" for name, file in names.items()]
        words = ["munged", "--foreground", f"--seed-file={own / 'seed'}", *options]
        if os.geteuid() == 0:
            for path in (own, key):
                shutil.chown(path, "munge")
            words = ["runuser", "-u", "munge", "--", *words]
        self._start("munge", *words)
        self._wait((own / "socket").exists)

    def _configure(self) -> None:
        host, (controller, *ports) = socket.gethostname().partition(".")[0], _free_ports(3)
        # Each node says that it has two processors, whatever the machine has.
        nodes = [
            f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=2"
            for name, port in zip(("n1", "n2"), ports, strict=True)
        ]
        text = CONFIGURATION.format(
            host=host,
            user=getpass.getuser(),
            folder=self.folder,
            controller=controller,
            nodes="\n".join(nodes),
        )
        (self.folder / "slurm.conf").write_text(text)
        for name in ("state", "spool-n1", "spool-n2"):
            (self.folder / name).mkdir(exist_ok=True)

    def _idle(self) -> int:
        states = self.call("sinfo", "-h", "-N", "-o", "%t", check=False).split()
        return states.count("idle")

    def _wait(self, ready: object) -> None:
        until = time.monotonic() + SECONDS
        while not ready():  # type: ignore[operator]
            dead = [name for name, one in self._running.items() if one.poll() is not None]
            if dead or time.monotonic() > until:
                texts = [path.read_text()[-2000:] for path in self.folder.glob("*.out")]
                raise RuntimeError(f"Slurm does not start ({dead}):\n" + "\n".join(texts))
            time.sleep(0.1)


def _descendants(pid: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    children = [int(word) for word in text.split()]
    return [*children, *(below for child in children for below in _descendants(child))]


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


if __name__ == "__main__":
    with Slurm(Path(sys.argv[1])) as cluster:
        print("export " + " ".join(f"{k}={v}" for k, v in cluster.environment.items()), flush=True)
        signal.pause()
