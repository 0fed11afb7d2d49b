"""Real nodes for the tests of clients: kithd as a child process, on ports that the system chose."""

import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

PATIENCE_S = 60


def eventually(condition, what):
    """Polls until it is true; fails after a minute, saying what was waited for."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"never happened: {what}")


class Kithd:
    def __init__(self, binary, directory, name, join=(), flags=()):
        self.name = name
        self.data = pathlib.Path(directory) / name
        self.log = open(f"{self.data}.log", "wb")
        arguments = [binary, "--data", str(self.data), "--name", name, "--client", "127.0.0.1:0", "--peer", "127.0.0.1:0",
                     "--redis", "127.0.0.1:0", "--allow-faults"]
        for address in join:
            arguments += ["--join", address]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("KITH_")}
        self.process = subprocess.Popen(arguments + list(flags), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        env=environment)
        self.addresses = eventually(self._addresses, f"{name} listens")
        self.port = int(self.addresses["redis"].rpartition(":")[2])
        eventually(lambda: b"\nloading:0" in self.say(b"INFO persistence\r\n"), f"{name} belongs to a cluster")

    def _addresses(self):
        assert self.process.poll() is None, f"{self.name} ended:\n{pathlib.Path(self.log.name).read_text()}"
        try:
            lines = (self.data / "addresses").read_text().splitlines()
        except FileNotFoundError:
            return None
        return dict(line.split("=", 1) for line in lines) if len(lines) == 3 else None

    def say(self, raw, port=None):
        """Sends bytes, and returns all that came back once the other side has closed."""
        with socket.create_connection(("127.0.0.1", port or self.port), timeout=PATIENCE_S) as connection:
            connection.sendall(raw + b"QUIT\r\n")
            out = b""
            while piece := connection.recv(65536):
                out += piece
            return out

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Cluster:
    """One to three nodes, gone with their data at the end."""

    def __init__(self, binary, nodes=1, flags=()):
        self.directory = tempfile.mkdtemp(prefix="kith-redis-clients-")
        self.nodes = []
        for i in range(nodes):
            join = [self.nodes[0].addresses["peer"]] if self.nodes else []
            self.nodes.append(Kithd(binary, self.directory, f"n{i + 1}", join, flags))

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is not None:
            for node in self.nodes:
                print(f"--- log of {node.name}\n{pathlib.Path(node.log.name).read_text()}")
        for node in self.nodes:
            node.stop()
        shutil.rmtree(self.directory)
