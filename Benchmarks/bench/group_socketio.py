"""SocketIOLite beside python-socketio and the `websockets` library, on loopback, and the floor: the kernel handing the bytes over."""
import subprocess
from urllib.parse import urlsplit

from measure import FLOOR, FLOOR_RELAY, OURS, PEERS, WORK, Cases, MeasureError, peer, progress, run, server, swift_tool

# events, bytes each, kind, name, wanted µs per event as received, wanted with the audio decoded
BURSTS = [
    (20_000, 200, "burst", "20,000 × 200 B", 0.6, None),
    (2_000, 65_536, "burst", "2,000 × 64 KB text", 30, 90),
    (200, 1_048_576, "burst", "200 × 1 MB text", 130, None),
    (2_000, 65_536, "burst-bin", "2,000 × 64 KB binary", 30, None),
]
POLLED = (20_000, 200)
ACKS = 2_000
CONNECTIONS = 100
# How cost grows: so many events of 200 bytes over so many connections of one process.
SPREAD_EVENTS = 20_000
SPREAD = [1, 10, 100, 1_000]
IDLE = 1_000
# Through the tap: events of 64 KB, 100 MB at a time.
FLOW_EVENTS = 1_500
# A long recording, in bursts, and what the tap is told to keep of it in memory, in MB.
RECORDED_BURST, RECORDED_BURSTS, RECORDED_LIMITS = 100_000, 10, [256, 32]


def measure(runs):
    cases = Cases("socketio")
    with (
        server(peer("replay_server.py")) as replay,
        server(peer("polling_replay_server.py")) as polled,
        server(peer("echo_server.py")) as echo,
    ):
        relay = compile_relay()
        with server([swift_tool("SocketIOBench"), "tap", echo]) as tap, server([relay, port_of(echo)]) as bare:
            for number in range(1, runs + 1):
                progress(f"socketio {number}/{runs}: bursts")
                for burst in BURSTS:
                    measure_burst(cases, replay, *burst)
                measure_polling(cases, polled, *POLLED)
                progress(f"socketio {number}/{runs}: acknowledgements, connecting, tap")
                measure_latency(cases, echo, tap, bare)
                progress(f"socketio {number}/{runs}: throughput and memory of the tap")
                measure_tap(cases, replay, relay)
                progress(f"socketio {number}/{runs}: up to {SPREAD[-1]:,} connections")
                measure_growth(cases, replay)
    return cases


def measure_burst(cases, url, count, size, kind, name, wanted, wanted_decoded):
    participants = {
        OURS: [swift_tool("SocketIOBench"), kind, url, str(count), str(size)],
        "python-socketio": peer("python_socketio_client.py", kind, url, count, size),
        "websockets (frames only)": peer("websockets_reader.py", kind, url, count, size),
    }
    cpu = cases.case(f"client CPU, {name}", "µs/event", wanted)
    memory = cases.case(f"peak memory, {name}", "MB", 30)
    for who, command in participants.items():
        (result,) = run(command)
        cpu.add(who, result["cpu_us"])
        memory.add(who, result["peak_rss_mb"])
    (result,) = run(peer("bare_recv.py", kind, url, count, size))
    cpu.add(FLOOR, result["cpu_us"])
    if kind == "burst":
        decoded = cases.case(f"client CPU, {name}, audio decoded from base64", "µs/event", wanted_decoded)
        (result,) = run([swift_tool("SocketIOBench"), "decode", url, str(count), str(size)])
        decoded.add(OURS, result["cpu_us"])
        (result,) = run(peer("python_socketio_client.py", "decode", url, count, size))
        decoded.add("python-socketio", result["cpu_us"])


def measure_polling(cases, url, count, size):
    """16 events in each answer to a poll."""
    case = cases.case(f"client CPU by polling, {count:,} × {size} B", "µs/event")
    (ours,) = run([swift_tool("SocketIOBench"), "burst-poll", url, str(count), str(size)])
    case.add(OURS, ours["cpu_us"])
    (theirs,) = run(peer("python_socketio_client.py", "burst-poll", url, count, size))
    case.add("python-socketio", theirs["cpu_us"])
    cases.case("the same ÷ python-socketio", "×", 0.2).add(OURS, ours["cpu_us"] / theirs["cpu_us"])


def port_of(url):
    return str(urlsplit(url).port)


def compile_relay():
    program = WORK / "relay"
    WORK.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["gcc", "-O2", "-Wall", "-o", program, PEERS / "relay.c"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise MeasureError(f"the bare relay cannot be compiled:\n{done.stderr}")
    return str(program)


def measure_latency(cases, echo, tap, bare):
    (ours,) = run([swift_tool("SocketIOBench"), "ack", echo, str(ACKS)])
    (theirs,) = run(peer("python_socketio_client.py", "ack", echo, ACKS))
    (tapped,) = run([swift_tool("SocketIOBench"), "ack", tap, str(ACKS)])
    (relayed,) = run([swift_tool("SocketIOBench"), "ack", bare, str(ACKS)])
    for share, wanted in (("p50", 0.3), ("p99", 0.8)):
        case = cases.case(f"ack round trip, {share}", "ms", wanted)
        case.add(OURS, ours[f"{share}_ms"])
        case.add("python-socketio", theirs[f"{share}_ms"])
        # Two events pass the tap in a round trip: this is what both cost together. A difference of two p99s is mostly noise, and may be
        # negative: it is given whole as well.
        added = cases.case(f"added by the tap to a round trip, {share}", "ms", {"p50": 0.05, "p99": 0.15}[share])
        added.add(OURS, tapped[f"{share}_ms"] - ours[f"{share}_ms"])
        # What it costs to be between them at all.
        added.add(FLOOR_RELAY, relayed[f"{share}_ms"] - ours[f"{share}_ms"])
        cases.case(f"ack round trip through the tap, {share}", "ms").add(OURS, tapped[f"{share}_ms"])
    case = cases.case("connect, p50", "ms", 2)
    (result,) = run([swift_tool("SocketIOBench"), "connect", echo, str(CONNECTIONS)])
    case.add(OURS, result["p50_ms"])
    (result,) = run(peer("python_socketio_client.py", "connect", echo, CONNECTIONS))
    case.add("python-socketio", result["p50_ms"])


def measure_tap(cases, replay, relay):
    bench = swift_tool("SocketIOBench")

    def flow(url, count, size, repeats):
        (result,) = run([bench, "flow", url, str(count), str(size), str(repeats)])
        return result["events_per_s"]

    direct = flow(replay, FLOW_EVENTS, 65_536, 2)
    # A new one for each run: what it recorded before would be in its memory. As it is unless told otherwise, 32 MB in memory and the
    # rest in a file; all in memory; nothing, as `siotap` has it, which writes what it hears.
    shares = {}
    for what, megabytes in (("as by default", []), ("all in memory", ["1000"]), ("nothing", ["0"])):
        with server([bench, "tap", replay, *megabytes]) as tap:
            shares[what] = flow(tap, FLOW_EVENTS, 65_536, 2) / direct
    with server([relay, port_of(replay)]) as bare:
        floor = flow(bare, FLOW_EVENTS, 65_536, 2) / direct
    cases.case("throughput, 64 KB events, direct", "events/s", lower_is_better=False).add(OURS, direct)
    for what, share in shares.items():
        wanted = 0.85 if what == "as by default" else None
        case = cases.case(f"throughput of 64 KB events through the tap ÷ direct, recording {what}", "×", wanted, lower_is_better=False)
        case.add(OURS, share)
        case.add(FLOOR_RELAY, floor)
    for limit in RECORDED_LIMITS:
        said = []
        with server([bench, "tap", replay, str(limit)], said) as tap:
            flow(tap, RECORDED_BURST, 200, RECORDED_BURSTS)
        events = f"{RECORDED_BURST * RECORDED_BURSTS:,} recorded events of 200 B, limit {limit} MB"
        # What is kept, and what a process that keeps nothing has anyway.
        cases.case(f"peak memory of a tap, {events}", "MB", limit + 40).add(OURS, said[-1]["peak_rss_mb"])


def measure_growth(cases, url):
    participants = {OURS: [swift_tool("SocketIOBench")], "python-socketio": peer("python_socketio_client.py")}
    for who, command in participants.items():
        for connections in SPREAD:
            (result,) = run([*command, "many", url, str(connections), str(SPREAD_EVENTS)])
            spread = f"200 B over {connections:,} connection{'s' if connections > 1 else ''}"
            cases.case(f"client CPU, {spread}", "µs/event").add(who, result["cpu_us"])
            cases.case(f"throughput, {spread}", "events/s", lower_is_better=False).add(who, result["events_per_s"])
        (result,) = run([*command, "idle", url, str(IDLE)])
        cases.case("memory of an idle connection", "kB", 24).add(who, result["kb"])
