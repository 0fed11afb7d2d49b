"""Clients of Redis, as people use them, against a real kithd.

    python3 clients_test.py CASE --kithd PATH --kith PATH --tell-fault PATH --modules DIR

Each CASE is a test of ctest's; --list names them.
"""

import argparse
import fcntl
import json
import os
import pathlib
import re
import select
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time

from kithd import Cluster, PATIENCE_S, eventually

HERE = pathlib.Path(__file__).parent


def run(*arguments, text=None, check=True):
    done = subprocess.run([str(argument) for argument in arguments], input=text, capture_output=True, timeout=4 * PATIENCE_S,
                          **({} if text is not None else {"stdin": subprocess.DEVNULL}))
    if check:
        assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout.decode()}\n{done.stderr.decode()}"
    return done.stdout.decode()


def cli(node, *words):
    return run("redis-cli", "-p", node.port, *words).rstrip("\n")


def expect(found, wanted):
    assert found == wanted, f"{found!r} and not {wanted!r}"


# ---- redis-cli

def redis_cli_one_shot(options):
    with Cluster(options.kithd) as cluster:
        node = cluster.nodes[0]
        expect(cli(node, "SET", "k", "v"), "OK")
        expect(cli(node, "GET", "k"), "v")
        expect(cli(node, "-3", "HSET", "h", "f", "1"), "1")
        expect(cli(node, "-3", "HGETALL", "h"), "f 1")
        expect(cli(node, "SADD", "s", "a", "b"), "2")
        expect(sorted(cli(node, "SMEMBERS", "s").split()), ["a", "b"])
        expect(cli(node, "-r", "3", "INCR", "n"), "1\n2\n3")
        expect(cli(node, "GET", "nothing"), "")
        expect(run("redis-cli", "-p", node.port, text=b"SET a 1\nGET a\n"), "OK\n1\n")
        assert "one order of writes" in cli(node, "SETNX", "k", "w")
        expect(cli(node, "HINCRBY", "h", "f", "41"), "42")
        expect(cli(node, "HGETALL", "h"), "f\n42")


class Listening:
    """A child process that prints what it is told, line by line."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([str(argument) for argument in arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.seen = b""

    def until(self, wanted):
        deadline = time.monotonic() + PATIENCE_S
        while wanted not in self.seen:
            assert time.monotonic() < deadline, f"no {wanted!r} in {self.seen!r}"
            if select.select([self.process.stdout], [], [], 1)[0]:
                piece = os.read(self.process.stdout.fileno(), 65536)
                assert piece, f"it ended: {self.seen!r}"
                self.seen += piece
        before, _, self.seen = self.seen.partition(wanted)
        return before

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.process.terminate()
        self.process.wait(PATIENCE_S)
        self.process.stdout.close()


def redis_cli_subscribe(options):
    """Of changes at this node and at another one, in RESP2 and RESP3."""
    with Cluster(options.kithd, nodes=2, flags=["--gossip-interval", "100ms"]) as cluster:
        one, two = cluster.nodes
        for protocol in ("-2", "-3"):
            with Listening("redis-cli", protocol, "-p", one.port, "PSUBSCRIBE", "__keyevent@0__:*") as client:
                client.until(b"psubscribe\n__keyevent@0__:*\n1\n")
                expect(cli(one, "SADD", "here" + protocol, "x"), "1")
                client.until(b"pmessage\n__keyevent@0__:*\n__keyevent@0__:sadd\nhere%s\n" % protocol.encode())
                expect(cli(two, "SET", "there" + protocol, "v", "PX", "300"), "OK")
                client.until(b"__keyevent@0__:set\nthere%s\n" % protocol.encode())
                client.until(b"__keyevent@0__:expired\nthere%s\n" % protocol.encode())
        assert "carries no messages" in cli(one, "SUBSCRIBE", "news")
        assert "carries no messages" in cli(one, "PUBLISH", "news", "x")


def redis_cli_terminal(options):
    """On a terminal it asks COMMAND DOCS first, and helps and completes with what it is told."""
    with Cluster(options.kithd) as cluster:
        terminal, inner = os.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
        client = subprocess.Popen(["redis-cli", "-p", str(cluster.nodes[0].port)], stdin=inner, stdout=inner, stderr=inner,
                                  start_new_session=True, env={**os.environ, "TERM": "xterm", "HOME": cluster.directory})
        os.close(inner)
        seen = b""

        def until(wanted):
            nonlocal seen
            deadline = time.monotonic() + PATIENCE_S
            while wanted not in seen:
                assert time.monotonic() < deadline, f"no {wanted!r} in {seen!r}"
                if select.select([terminal], [], [], 1)[0]:
                    seen += os.read(terminal, 65536)
            seen = seen[seen.index(wanted) + len(wanted):]

        until(b"> ")
        for line, answer in ((b"SET k 'two words'\r", b"OK"), (b"GET k\r", b'"two words"'), (b"INCR n\r", b"(integer) 1"),
                             (b"help sadd\r", b"who adds wins"), (b"HGET h f\r", b"(nil)"), (b"SMEMBERS s\r", b"(empty")):
            os.write(terminal, line)
            until(answer)
            until(b"> ")  # Not before: what is typed ahead is thrown away.
        os.write(terminal, b"quit\r")
        client.wait(PATIENCE_S)
        os.close(terminal)


def redis_cli_pipe(options):
    with Cluster(options.kithd) as cluster:
        node = cluster.nodes[0]
        commands = b"".join(b"*3\r\n$3\r\nSET\r\n$%d\r\nk%d\r\n$5\r\nvalue\r\n" % (len(str(i)) + 1, i) for i in range(20000))
        out = run("redis-cli", "-p", node.port, "--pipe", text=commands)
        assert "errors: 0, replies: 20000" in out, out
        expect(cli(node, "DBSIZE"), "20000")


def redis_cli_walks(options):
    """--scan, --bigkeys, --memkeys-free: what walks through all keys."""
    with Cluster(options.kithd) as cluster:
        node = cluster.nodes[0]
        cli(node, "MSET", *(word for i in range(1000) for word in (f"key:{i}", "v" * (i + 1))))
        cli(node, "SADD", "set", *range(50))
        cli(node, "HSET", "hash", *range(20))
        expect(len(set(cli(node, "--scan").split())), 1002)
        expect(len(cli(node, "--scan", "--pattern", "key:99*").split()), 11)
        out = cli(node, "--bigkeys")
        assert "Sampled 1002 keys" in out and "Biggest string found '\"key:999\"' has 1000 bytes" in out, out
        assert "Biggest    set found '\"set\"' has 50 members" in out and "has 10 fields" in out, out
        assert "keys=1002" in cli(node, "INFO", "keyspace")


def redis_benchmark(options):
    with Cluster(options.kithd) as cluster:
        node = cluster.nodes[0]
        for pipeline in (1, 16):
            out = run("redis-benchmark", "-p", node.port, "-n", 2000, "-c", 50, "-P", pipeline, "-r", 1000, "-d", 64, "--csv", "-t",
                      "ping_inline,ping_mbulk,set,get,incr,sadd,hset,mset")
            rows = [line for line in out.splitlines() if line.startswith('"')]
            expect(len(rows), 9)
            for row in rows[1:]:
                assert float(row.split(",")[1].strip('"')) > 0, row
        expect(int(cli(node, "SCARD", "myset")) > 100, True)


# What redis-server 7.0 and Kith answer alike, byte for byte: results, and errors with their words.
ALIKE = """
PING|PING a|PING a b|ECHO a|ECHO|QUIT x y|SELECT 0|SELECT 16|SELECT x|SELECT|NONSENSE|NONSENSE a b c|get|GET a b|SET a
SET k v|GET k|SET k v EX 100|TTL k|SET k v PX 100000|PERSIST k|PERSIST k|TTL k|SET k v EX 0|SET k v EX -1|SET k v EX x|SET k v EX 1 PX 1|SET k v WHAT|SET k v EX
SETEX k 0 v|SETEX k x v|SETEX k 100 v|PSETEX k 100000 v|GETDEL k|GETDEL k|STRLEN k|MSET a 1 b 2|MSET a|MSET a 1 b|MGET a b c|STRLEN a
INCR n|INCRBY n 41|GET n|DECR n|DECRBY n 2|INCRBY n x|INCRBY n 1e3|INCRBY n 9223372036854775808|DECRBY n -9223372036854775808|SET t text|INCR t
SET m 9223372036854775807|INCR m|SET m -9223372036854775808|DECR m|TYPE n|TYPE nothing|EXISTS a b nothing a|DEL a b nothing a|EXISTS a
SADD s a b c a|SADD s c|SADD s|SCARD s|SCARD nothing|SISMEMBER s a|SISMEMBER s z|SMISMEMBER s a z|SREM s a z|SREM nothing z|TYPE s|SMEMBERS nothing|SINTER s nothing|SDIFF nothing s
SRANDMEMBER nothing|SRANDMEMBER nothing 2|SRANDMEMBER s x|SRANDMEMBER s 1 2|SSCAN nothing 0|SSCAN s x|SSCAN s 0 COUNT 0|SSCAN s 0 MATCH
HSET h f 1 g 2|HSET h f 3|HSET h f|HSET h f 1 g|HGET h f|HGET h z|HGET nothing z|HMGET h f z|HLEN h|HEXISTS h f|HEXISTS h z|HSTRLEN h f|HDEL h f z|HMSET h f 1|HMSET h f|HGETALL nothing|HKEYS nothing|TYPE h|HSCAN nothing 0
EXPIRE h 100|TTL h|PTTL nothing|TTL nothing|EXPIRE nothing 10|EXPIRE h x|EXPIRE h 9223372036854775807|EXPIRE h -1|EXISTS h|EXPIREAT t 1|EXISTS t
SCAN x|SCAN 0 COUNT x|SCAN 0 COUNT 0|SCAN 0 MATCH|SCAN 0 FOO bar|KEYS nothing*|KEYS
MULTI|MULTI|SET k v|GET k|INCR k|EXEC|EXEC|DISCARD|MULTI|DISCARD|MULTI|SET k|SET k v|EXEC|MULTI|EXEC|UNWATCH
AUTH x|AUTH default x|AUTH other x|AUTH a b c|HELLO 4|HELLO x|HELLO 3 FOO|CLIENT GETNAME|CLIENT SETNAME me|CLIENT GETNAME|CLIENT SETNAME|CLIENT NONSENSE|CLIENT ID x|CONFIG GET save|CONFIG GET nothing|CONFIG NONSENSE
WAIT x 1|WAIT 0 x|WAIT 0 -1|RESET|COMMAND COUNT x|COMMAND NONSENSE|UNLINK k|UNLINK k|TOUCH n nothing|DBSIZE x|TIME x
"""
BROKEN = [b"*1\r\n$-2\r\n", b"*2147483648\r\n", b"*1\r\n$536870913\r\n", b"*1\r\n*1\r\n", b"echo 'a\r\n", b"*1\r\n:1\r\n", b"*x\r\n",
          b"POST / HTTP/1.1\r\n", b"Host: x\r\n", b"*0\r\n*-1\r\n\r\nPING\r\n"]


def redis_server_alike(options):
    with Cluster(options.kithd) as cluster, tempfile.TemporaryDirectory() as directory:
        kithd = cluster.nodes[0]
        path = f"{directory}/socket"
        server = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--dir", directory],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            eventually(lambda: os.path.exists(path), "redis-server listens")

            def say(connection, raw):
                with connection:
                    connection.settimeout(PATIENCE_S)
                    connection.sendall(raw)
                    out = b""
                    while piece := connection.recv(65536):
                        out += piece
                    return out

            def both(raw):
                redis = socket.socket(socket.AF_UNIX)
                redis.connect(path)
                return say(redis, raw), say(socket.create_connection(("127.0.0.1", kithd.port)), raw)

            differences = []
            for line in ALIKE.strip().splitlines():
                # Each by itself, so that a difference names its command; a line of transactions is one connection.
                commands = line.split("|")
                groups = ["\r\n".join(commands)] if "MULTI" in commands or "AUTH x" in commands else commands
                for group in groups:
                    redis, kith = both(group.encode() + b"\r\nQUIT\r\n")
                    if redis != kith:
                        differences.append(f"{group}\nredis-server: {redis!r}\nkithd:        {kith!r}")
            for raw in BROKEN:
                redis, kith = both(raw + b"QUIT\r\n")
                if redis != kith:
                    differences.append(f"{raw!r}\nredis-server: {redis!r}\nkithd:        {kith!r}")
            assert not differences, "\n".join(differences)
        finally:
            server.terminate()
            server.wait()


# ---- Libraries

def python_redis(options):
    import redis

    with Cluster(options.kithd) as cluster:
        client = redis.Redis(port=cluster.nodes[0].port, decode_responses=True, client_name="kith-test")
        expect(client.ping(), True)
        expect(client.set("k", "v", ex=100), True)
        expect((client.get("k"), client.ttl("k"), client.type("k")), ("v", 100, "string"))
        expect(client.hset("h", mapping={"f": "1", "g": "2"}), 2)
        expect(client.hgetall("h"), {"f": "1", "g": "2"})
        expect(client.sadd("s", "a", "b"), 2)
        expect(client.smembers("s"), {"a", "b"})
        expect(client.smismember("s", ["a", "z"]), [1, 0])
        expect((client.incr("n"), client.incrby("n", 9), client.decr("n"), client.get("n")), (1, 10, 9, "9"))
        with client.pipeline(transaction=True) as transaction:
            expect(transaction.incr("m").get("m").sadd("s", "c").smembers("s").execute(), [1, "1", 1, {"a", "b", "c"}])
        with client.pipeline(transaction=False) as pipeline:
            for i in range(1000):
                pipeline.set(f"p:{i}", i)
            expect(pipeline.execute(), [True] * 1000)
        expect(len(set(client.scan_iter("p:*", count=50))), 1000)
        expect(set(client.sscan_iter("s")), {"a", "b", "c"})
        expect(dict(client.hscan_iter("h")), {"f": "1", "g": "2"})
        expect(client.delete(*(f"p:{i}" for i in range(1000))), 1000)
        expect(client.exists("p:1", "k"), 1)
        expect(client.info()["loading"], 0)
        expect(client.config_get("appendfsync"), {"appendfsync": "always"})
        expect(client.client_getname(), "kith-test")
        expect(client.dbsize(), 5)
        expect((client.hincrby("h", "n", 5), client.hincrby("h", "f", 1), client.hgetall("h")), (5, 2, {"f": "2", "g": "2", "n": "5"}))
        try:
            client.set("k", "w", nx=True)
            raise AssertionError("SET NX was taken")
        except redis.ResponseError as error:
            assert "one order of writes" in str(error)


def python_redis_subscribe(options):
    """A pub/sub object, its own thread's way: get_message() over its own connection."""
    import redis

    with Cluster(options.kithd, nodes=2, flags=["--gossip-interval", "100ms"]) as cluster:
        here, there = (redis.Redis(port=node.port, decode_responses=True) for node in cluster.nodes)
        expect(here.config_set("notify-keyspace-events", "KEA"), True)  # As people do who know Redis.
        expect(here.config_get("notify-keyspace-events"), {"notify-keyspace-events": "AKE"})
        events = here.pubsub()
        events.subscribe("__keyevent@0__:sadd")
        events.psubscribe("__keyspace@0__:user:*")

        def told():
            return eventually(lambda: events.get_message(timeout=1), "a message comes")

        expect([(it["type"], it["data"]) for it in (told(), told())], [("subscribe", 1), ("psubscribe", 2)])
        there.sadd("user:1", "x")
        expect(sorted((it["type"], it["channel"], it["data"]) for it in (told(), told())),
               [("message", "__keyevent@0__:sadd", "user:1"), ("pmessage", "__keyspace@0__:user:1", "sadd")])
        events.ping()
        expect(told()["type"], "pong")
        there.hincrby("user:2", "visits", 3)
        expect((lambda it: (it["channel"], it["data"]))(told()), ("__keyspace@0__:user:2", "hincrby"))
        events.unsubscribe()
        expect(told()["type"], "unsubscribe")
        events.close()
        try:
            wrong = here.pubsub()
            wrong.subscribe("news")
            wrong.get_message(timeout=PATIENCE_S)
            raise AssertionError("a channel that is none was taken")
        except redis.ResponseError as error:
            assert "carries no messages between clients" in str(error)


def node_major():
    return int(re.match(r"v(\d+)", run("node", "--version")).group(1))


def javascript(options, client):
    if client.startswith(("ioredis-6", "redis-6")) and node_major() < 20:
        print(f"{client} wants Node 20; this is {node_major()}")
        sys.exit(77)
    with Cluster(options.kithd) as cluster:
        expect(run("node", HERE / "clients.mjs", client, cluster.nodes[0].port, options.modules), "done\n")


# ---- Clusters

def partition(options):
    """One set, written by ioredis on n1, python on n2 and kith on n3 while no two can talk, is the same everywhere after."""
    import redis

    def kith(node, *words):
        return run(options.kith, "-H", node.addresses["client"], *words)

    def fault(node, text):
        run(options.tell_fault, node.addresses["client"], text)

    def members(node):
        return redis.Redis(port=node.port, decode_responses=True).smembers("likes")

    with Cluster(options.kithd, nodes=3, flags=["--gossip-interval", "100ms"]) as cluster:
        one, two, three = cluster.nodes
        library = "ioredis-6" if node_major() >= 20 else "ioredis-5"
        ioredis = lambda *words: json.loads(run("node", HERE / "clients.mjs", library, one.port, options.modules, *words))
        python = redis.Redis(port=two.port, decode_responses=True)
        expect(ioredis("SADD", "likes", "old", "both"), 2)
        expect(ioredis("INCRBY", "visits", "10"), 10)
        expect(ioredis("HINCRBY", "page", "visits", "10"), 10)
        for node in cluster.nodes:
            eventually(lambda: members(node) == {"old", "both"}, f"{node.name} has what was written before")
        eventually(lambda: python.get("visits") == "10" and "10" in kith(three, "count", "visits"), "the count is everywhere")

        eventually(lambda: python.hget("page", "visits") == "10", "the count of the field is at n2")
        for node in cluster.nodes:
            for other in cluster.nodes:
                if other is not node:
                    fault(node, f"cut {other.name}")
        expect(ioredis("SADD", "likes", "from-ioredis"), 1)
        expect(python.sadd("likes", "from-python"), 1)
        kith(three, "sadd", "likes", "from-kith")
        expect(ioredis("SREM", "likes", "old", "both"), 2)
        expect(python.sadd("likes", "both"), 0)  # It is there already, as far as n2 knows; adding it again wins.
        expect(ioredis("DEL", "visits"), 1)      # Takes away the 10 that n1 knows of,
        expect(python.incr("visits", 3), 13)     # not what is counted meanwhile.
        kith(three, "incr", "visits", "4")
        # Fields are counted apart as well: of 10, one sets 100, two count on from what they know.
        expect(ioredis("HSET", "page", "visits", "100"), 0)
        expect(ioredis("HINCRBY", "page", "visits", "1"), 101)
        expect([python.hincrby("page", "visits", 3) for _ in range(5)][-1], 25)
        third = redis.Redis(port=three.port, decode_responses=True)
        eventually(lambda: third.hincrby("page", "other", 1) == 20, "n3 counts to 20")
        expect(members(one), {"from-ioredis"})
        expect(members(two), {"old", "both", "from-python"})
        expect(members(three), {"old", "both", "from-kith"})

        for node in cluster.nodes:
            fault(node, "heal")
        wanted = {"both", "from-ioredis", "from-python", "from-kith"}
        for node in cluster.nodes:
            eventually(lambda: members(node) == wanted, f"{node.name} has {wanted}")
            eventually(lambda: redis.Redis(port=node.port).get("visits") == b"7", f"{node.name} counts 7")
            eventually(lambda: redis.Redis(port=node.port).hgetall("page") == {b"visits": b"116", b"other": b"20"}, f"{node.name} counts 116 and 20")
            expect(set(kith(node, "smembers", "likes").split()), wanted)


def fields_counted_everywhere(options):
    """Three nodes count the same fields at once, cut off and not, each increment under a tag that is sent twice: the sum is exact."""
    import threading

    import redis

    with Cluster(options.kithd, nodes=3, flags=["--gossip-interval", "100ms"]) as cluster:
        increments, fields = 200, ["a", "b", "c"]

        def count(index):
            client = redis.Redis(port=cluster.nodes[index].port)
            elsewhere = redis.Redis(port=cluster.nodes[(index + 1) % 3].port)
            for i in range(increments):
                tag = client.execute_command("KITH.TAG").decode()
                for again in (client, elsewhere):  # The answer was lost, and another node is asked.
                    again.execute_command("KITH.TAG", tag, "HINCRBY", "page", fields[i % len(fields)], i + index)
                if i == increments // 3 and index == 0:
                    for other in ("n2", "n3"):
                        run(options.tell_fault, cluster.nodes[0].addresses["client"], f"cut {other}")
                if i == 2 * increments // 3 and index == 0:
                    run(options.tell_fault, cluster.nodes[0].addresses["client"], "heal")

        threads = [threading.Thread(target=count, args=(index,)) for index in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        run(options.tell_fault, cluster.nodes[0].addresses["client"], "heal")
        wanted = {field.encode(): str(sum(i + index for index in range(3) for i in range(increments) if fields[i % 3] == field)).encode() for field in fields}
        for node in cluster.nodes:
            eventually(lambda: redis.Redis(port=node.port).hgetall("page") == wanted, f"{node.name} counts {wanted}")


def wait_for_replicas(options):
    import redis

    with Cluster(options.kithd, nodes=3) as cluster:
        client = redis.Redis(port=cluster.nodes[0].port)
        client.set("k", "v")
        client.sadd("s", *range(100))
        expect(client.wait(2, 30000), 2)
        for node in cluster.nodes[1:]:
            other = redis.Redis(port=node.port)
            expect((other.get("k"), other.scard("s")), (b"v", 100))
        expect(client.wait(5, 300), 2)  # There are only two others.


CASES = {
    "redis-cli, one command at a time": redis_cli_one_shot,
    "redis-cli on a terminal": redis_cli_terminal,
    "redis-cli PSUBSCRIBE": redis_cli_subscribe,
    "redis-cli --pipe": redis_cli_pipe,
    "redis-cli --scan and --bigkeys": redis_cli_walks,
    "redis-benchmark": redis_benchmark,
    "a redis-server answers alike": redis_server_alike,
    "python3-redis": python_redis,
    "python3-redis subscribes": python_redis_subscribe,
    "fields counted at three nodes, each increment twice": fields_counted_everywhere,
    "ioredis 5": lambda options: javascript(options, "ioredis-5"),
    "ioredis 6": lambda options: javascript(options, "ioredis-6"),
    "node-redis 5, RESP2": lambda options: javascript(options, "redis-5/2"),
    "node-redis 5, RESP3": lambda options: javascript(options, "redis-5/3"),
    "node-redis 6, RESP2": lambda options: javascript(options, "redis-6/2"),
    "node-redis 6, RESP3": lambda options: javascript(options, "redis-6/3"),
    "three clients write one set during a partition": partition,
    "WAIT tells how many other nodes have it": wait_for_replicas,
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("case", nargs="?", choices=CASES)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--kithd")
    parser.add_argument("--kith")
    parser.add_argument("--tell-fault")
    parser.add_argument("--modules")
    options = parser.parse_args()
    if options.list:
        print("\n".join(CASES))
    else:
        CASES[options.case](options)


if __name__ == "__main__":
    main()
