"""How ranks meet: all at a port of the head's, and then each with each at random ports, as Gloo and NCCL do."""

import json
import queue
import socket
import threading
import time


class MeetingFailed(Exception):
    """Ranks that never came, or went before all had joined."""


class Peer:
    """A connection to another rank, with one JSON value a line."""

    def __init__(self, connection):
        self.connection = connection
        self.lines = connection.makefile("r", encoding="utf-8")

    def send(self, value):
        """Raises OSError where the connection is known to be gone."""
        self.connection.sendall((json.dumps(value) + "\n").encode())

    def receive(self, seconds=None):
        """The next value. @raise OSError after so many seconds, or where the other end is gone."""
        self.connection.settimeout(seconds)
        line = self.lines.readline()
        if not line.endswith("\n"):
            raise ConnectionError("Connection closed by peer")
        return json.loads(line)


class Host:
    """This rank's own end: its port for the other ranks."""

    def __init__(self, address):
        self.listener = listen("", 0)
        self.address = address
        self.port = self.listener.getsockname()[1]
        self.held = []

    def meet(self, rank, places, seconds):
        """Connects to every lower rank and waits for every higher one; connections stay."""
        for other in range(rank):
            self.held.append(reach(*places[str(other)], seconds))
        self.listener.settimeout(seconds)
        try:
            self.held.extend(self.listener.accept()[0] for _ in range(len(places) - 1 - rank))
        except OSError as error:
            raise MeetingFailed(f"RuntimeError: Gloo connectFullMesh failed: {error}") from error


def listen(address, port):
    """A listening socket; those who come before they are awaited wait."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(64)
    return listener


def reach(address, port, seconds):
    """A connection to where somebody listens sooner or later. @raise MeetingFailed after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        try:
            connection = socket.create_connection((address, port), timeout=max(0.1, min(5, end - time.monotonic())))
            connection.settimeout(None)
            return connection
        except OSError as error:
            if time.monotonic() > end:
                message = f"torch.distributed.DistNetworkError: The client socket has timed out after {seconds:g}s"
                raise MeetingFailed(f"{message} while trying to connect to ({address}, {port}): {error}") from error
        time.sleep(0.2)


def gather(port, hello, host, seconds):
    """On the head: a connection to every other rank, by rank, once all have joined."""
    arrivals = queue.Queue()
    listener = listen("", port)
    threading.Thread(target=welcome, args=(listener, arrivals), daemon=True).start()
    peers, places = {}, {"0": [host.address or hello["head"], host.port]}
    same, end = True, time.monotonic() + seconds
    while len(peers) < hello["world"] - 1:
        try:
            peer, said = arrivals.get(timeout=max(0, end - time.monotonic()))
        except queue.Empty:
            joined = f"{len(peers) + 1}/{hello['world']} clients joined"
            raise MeetingFailed(
                f"torch.distributed.DistStoreError: Timed out after {seconds:g} seconds waiting for clients. {joined}."
            ) from None
        peers[said["rank"]] = peer
        places[str(said["rank"])] = said["place"]
        same = same and said["same"] == hello["same"]
    if not same:
        # The real one waits for memory, layers or messages that never come, and says nothing.
        threading.Event().wait()
    for peer in peers.values():
        peer.send(places)
    host.meet(0, places, seconds)
    return peers


def welcome(listener, arrivals):
    """Takes what comes; one who says nothing, such as a probe of the port, holds nobody up."""
    while True:
        connection, (address, _) = listener.accept()
        threading.Thread(target=introduce, args=(connection, address, arrivals), daemon=True).start()


def introduce(connection, address, arrivals):
    """Reads who it is."""
    try:
        peer = Peer(connection)
        said = peer.receive(10)
        connection.settimeout(None)
        said["place"][0] = said["place"][0] or address
        arrivals.put((peer, said))
    except (OSError, ValueError, KeyError):
        connection.close()


def join(address, port, hello, host, seconds):
    """On another rank: the connection to the head, once all have joined."""
    head = Peer(reach(address, port, seconds))
    try:
        head.send({**hello, "place": [host.address, host.port]})
        places = head.receive()
    except OSError as error:
        raise MeetingFailed(f"torch.distributed.DistNetworkError: the head at ({address}, {port}): {error}") from error
    host.meet(hello["rank"], places, seconds)
    return head


def over_ray(address, count, seconds):
    """On the head: connections to so many Ray nodes, by rank, once there are as many."""
    host, _, port = address.rpartition(":")
    end = time.monotonic() + seconds
    while count > 0:
        ray = Peer(reach(host, int(port), min(10, seconds)))
        ray.send({})
        places = ray.receive(10)
        if len(places) >= count:
            return {rank: Peer(reach(*place, seconds)) for rank, place in enumerate(places[:count], 1)}
        if time.monotonic() > end:
            raise MeetingFailed(f"ray: found {len(places) + 1} nodes with 1 GPU each, wanted {count + 1}")
        time.sleep(0.2)
    return {}
