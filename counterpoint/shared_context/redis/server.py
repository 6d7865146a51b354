"""The connection to a Redis server: commands with a short time-out, and the maker of the bells' own.

Nothing is retried by the client library: replies lost after the write would then be written twice. Scripts that may be
sent again (all but a few) are, once, on a new connection; then it is the caller's turn to wait.
"""

from collections.abc import Sequence
from socket import gaierror
from typing import Any, Final, cast

import anyio
import redis.asyncio as redis
import redis.exceptions as foreign
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from counterpoint.errors import ConfigurationError, StoreUnavailable
from counterpoint.shared_context.redis.refusals import ConnectionLost, NotLetIn, translated
from counterpoint.shared_context.redis.replication import REPLICA_SECONDS, Durability, Replication
from counterpoint.shared_context.redis.scripts import Script

COMMAND_SECONDS: Final = 1.0
"""How long a command, or a connection, may take. Longer than a stall of the server that is no fault."""

CONNECTIONS: Final = 16
"""Connections for commands of one store. They are shared: a command takes one for a fraction of a millisecond."""

OLDEST: Final = {"redis": 7, "valkey": 8}

CLUSTER: Final = "+cluster"
"""Ends the scheme of a Cluster's URL. Bells come through the node that it names: messages reach every node."""

Reply = list[Any]
Argument = str | bytes | int


class Server:
    """Connects when first used, and again after every loss."""

    def __init__(
        self, url: str, durability: Durability = "replicated", replica_seconds: float = REPLICA_SECONDS
    ) -> None:
        self._replication = Replication(durability, replica_seconds, self._replicas_of)
        options: dict[str, Any] = {
            "socket_timeout": COMMAND_SECONDS,
            "socket_connect_timeout": COMMAND_SECONDS,
            "retry": Retry(NoBackoff(), 0),
            "retry_on_error": [],
            "protocol": 2,
            "decode_responses": False,
            "driver_info": None,  # or each connection looks up its version on disk, and tells the server
        }
        scheme, _, rest = url.partition("://")
        one_node = f"{scheme.removesuffix(CLUSTER)}://{rest}"
        if scheme != "unix":
            options["socket_keepalive"] = True
        try:
            self.bells = redis.ConnectionPool.from_url(one_node, **options)  # pyright: ignore[reportUnknownMemberType] (redis-py leaves it open)
            self.bells.make_connection()  # connects to nothing yet, and finds out what is wrong with the URL
            self.cluster = scheme.endswith(CLUSTER)
            if self.cluster:
                self._commands = RedisCluster.from_url(one_node, **options)
            else:
                self._commands = redis.Redis.from_pool(_pool(one_node, options))
        except (ValueError, TypeError, foreign.RedisClusterException) as error:
            raise ConfigurationError("this is not the URL of a Redis server: redis://user:password@host:6379/0") from (
                None if "@" in url else error
            )

    async def check(self) -> None:
        """Raises `ConfigurationError` if a server is too old, or throws away what it was given to keep."""
        await self._check_files()
        try:
            with translated():
                sections = [await self._execute("INFO", section) for section in ("server", "memory")]
        except NotLetIn as error:
            raise ConfigurationError(str(error)) from error
        except StoreUnavailable as error:
            raise StoreUnavailable(f"{error}{self._hint(error)}") from error
        for section in sections:
            for facts in _of_each_node(section):
                _check_mode(facts, cluster=self.cluster)
                _check_version(facts)
                _check_keeping(facts)

    async def _check_files(self) -> None:
        given = cast("dict[str, object]", self.bells.connection_kwargs)
        for option in ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile"):
            if (name := given.get(option)) and not await anyio.Path(str(name)).exists():
                raise ConfigurationError(f"there is no {name}, which the store's URL names as {option}")

    def _hint(self, error: StoreUnavailable) -> str:
        """Somebody took the connection, and said nothing or hung up at once: what that may mean."""
        if not isinstance(error.__cause__, foreign.TimeoutError | foreign.ConnectionError) or self._nobody_there(error):
            return ""
        if issubclass(self.bells.connection_class, redis.SSLConnection):
            return (
                " (if it speaks no TLS, use redis://; if it wants a certificate of its clients, "
                "?ssl_certfile=FILE&ssl_keyfile=FILE)"
            )
        return "" if "path" in self.bells.connection_kwargs else " (if it speaks TLS, use rediss://)"

    @staticmethod
    def _nobody_there(error: BaseException) -> bool:
        while (cause := error.__cause__ or error.__context__) is not None:
            if isinstance(cause, ConnectionRefusedError | FileNotFoundError | gaierror):
                return True
            error = cause
        return False

    async def run(
        self,
        script: Script,
        keys: Sequence[str],
        arguments: Sequence[Argument],
        *,
        again: bool = True,
        replicated: bool = False,
    ) -> Reply:
        """What the script answers. `again`: it may be sent twice, so it is if the connection breaks. `replicated`: what
        it writes should reach a replica, if there is one, before it counts as written.
        """
        run = self._run_replicated if replicated else self._run
        try:
            return await run(script, keys, arguments)
        except ConnectionLost:
            if not again:
                raise
        return await run(script, keys, arguments)

    async def _run(self, script: Script, keys: Sequence[str], arguments: Sequence[Argument]) -> Reply:
        with translated():
            try:
                return cast("Reply", await self._execute("EVALSHA", script.sha, len(keys), *keys, *arguments))
            except foreign.NoScriptError:
                return cast("Reply", await self._execute("EVAL", script.text, len(keys), *keys, *arguments))

    async def _run_replicated(self, script: Script, keys: Sequence[str], arguments: Sequence[Argument]) -> Reply:
        node = await self._node(keys[0])
        name = str(getattr(node, "name", ""))
        if not await self._replication.wanted(name):
            return await self._run(script, keys, arguments)
        wait = ("WAIT", 1, self._replication.milliseconds)
        with translated():
            for command in (("EVALSHA", script.sha), ("EVAL", script.text)):
                whole = (*command, len(keys), *keys, *arguments)
                reply, replicas = await (_on_node(node, whole, wait) if node else self._in_a_row(whole, wait))
                if isinstance(reply, foreign.NoScriptError):
                    continue
                if isinstance(reply, foreign.MovedError | foreign.AskError | foreign.TryAgainError):
                    break  # the client finds out where, and writes there; nobody waits for that
                if isinstance(reply, Exception):
                    raise reply
                self._replication.counted(name, replicas)
                return cast("Reply", reply)
        self._replication.counted(name, 0)
        return await self._run(script, keys, arguments)

    async def _node(self, key: str) -> ClusterNode | None:
        """Of a Cluster, the one that a key is on."""
        if not isinstance(self._commands, RedisCluster):
            return None
        with translated():
            await self._commands.initialize()
            return self._commands.get_node_from_key(key)

    async def _in_a_row(self, *commands: tuple[Argument, ...]) -> list[Any]:
        """On one connection: `WAIT` asks about what this one has written."""
        assert isinstance(self._commands, redis.Redis)  # noqa: S101 (a Cluster has nodes)
        pipeline = self._commands.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)  # pyright: ignore[reportUnknownMemberType] (redis-py leaves it open)
        return await pipeline.execute(raise_on_error=False)

    async def _replicas_of(self, node: str) -> object:
        with translated():
            if isinstance(self._commands, RedisCluster):
                target = self._commands.get_node(node_name=node)
                return await self._commands.execute_command("INFO", "replication", target_nodes=target)
            return await self._execute("INFO", "replication")

    async def _execute(self, *command: Argument) -> object:
        return await self._commands.execute_command(*command)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] (the same)

    async def close(self) -> None:
        with translated():
            await self._commands.aclose()


async def _on_node(node: ClusterNode, *commands: tuple[Argument, ...]) -> list[Any]:
    """The replies of commands on one connection to a node of a Cluster; an error in the place of a reply."""
    connection = node.acquire_connection()
    replies: list[Any] = []
    try:
        for command in commands:
            await connection.send_packed_command(connection.pack_command(*command))
            try:
                replies.append(await node.parse_response(connection, str(command[0])))
            except foreign.ResponseError as error:
                return [error, 0]
    finally:
        node.release(connection)
    return replies


def _pool(url: str, options: dict[str, Any]) -> redis.ConnectionPool:
    limits = {"max_connections": CONNECTIONS, "timeout": COMMAND_SECONDS}
    return redis.BlockingConnectionPool.from_url(url, **limits, **options)  # pyright: ignore[reportUnknownMemberType] (redis-py leaves it open)


def _of_each_node(info: object) -> list[dict[str, object]]:
    """What INFO answers: the facts of a server, or of each node of a Cluster."""
    facts = cast("dict[str, object]", info)
    nodes = [cast("dict[str, object]", each) for each in facts.values() if isinstance(each, dict)]
    return nodes if nodes and len(nodes) == len(facts) else [facts]


def _check_mode(facts: dict[str, object], *, cluster: bool) -> None:
    mode = facts.get("server_mode") or facts.get("redis_mode")
    if mode == "cluster" and not cluster:
        raise ConfigurationError("this server is a node of a Cluster: redis+cluster:// instead of redis://")
    if mode == "sentinel":
        raise ConfigurationError("this is a Sentinel, which keeps nothing: give the address of the server it watches")


def _check_version(facts: dict[str, object]) -> None:
    name = "valkey" if "valkey_version" in facts else "redis"
    version = str(facts.get(f"{name}_version", OLDEST[name]))
    if int(version.split(".", maxsplit=1)[0]) < OLDEST[name]:
        raise ConfigurationError(f"{name} {version} is too old: {name} {OLDEST[name]} or newer is needed")


def _check_keeping(facts: dict[str, object]) -> None:
    policy = facts.get("maxmemory_policy", "noeviction")
    if facts.get("maxmemory", 0) and policy != "noeviction":
        raise ConfigurationError(
            f"this server drops keys when its memory is full ({policy}), and conversations with them: "
            "set maxmemory-policy to noeviction"
        )
