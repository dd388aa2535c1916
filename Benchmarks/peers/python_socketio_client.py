"""python-socketio's AsyncClient. usage: python_socketio_client.py burst|burst-bin|burst-poll|decode URL N SIZE | ack|connect|idle URL N | many URL CONNECTIONS N"""
import asyncio
import base64
import sys
import time

import socketio

from usage import allow_many_sockets, cpu_seconds, peak_mb, percentile, report


async def connected(url, transport="websocket"):
    client = socketio.AsyncClient(reconnection=False)
    await client.connect(url, transports=[transport], wait_timeout=10)
    return client


async def burst(event, url, count, size, decoding):
    client = await connected(url, "polling" if event == "burst-poll" else "websocket")
    event = "burst" if event == "burst-poll" else event
    done = asyncio.get_running_loop().create_future()
    count_seen = 0

    @client.on("fragment:processed")
    async def on_fragment(data):
        nonlocal count_seen
        if data["sequence_number"] != count_seen:
            raise RuntimeError(f"event {count_seen} came out of order")
        if decoding:
            base64.b64decode(data["dubbed_audio"])
        count_seen += 1
        if count_seen == count:
            done.set_result(cpu_seconds())

    before = cpu_seconds()
    await client.emit(event, {"n": count, "size": size})
    after = await asyncio.wait_for(done, 120)
    report(cpu_us=(after - before) / count * 1e6, peak_rss_mb=peak_mb())
    await client.disconnect()


async def acknowledge(url, count):
    client = await connected(url)
    times = []
    for index in range(-100, count):
        start = time.perf_counter()
        answer = await client.call("echo", {"i": index, "s": "x" * 50})
        elapsed = (time.perf_counter() - start) * 1e3
        assert answer["i"] == index, f"answer {index} is another's"
        if index >= 0:
            times.append(elapsed)
    report(p50_ms=percentile(times, 0.5), p99_ms=percentile(times, 0.99), peak_rss_mb=peak_mb())
    await client.disconnect()


async def connect(url, count):
    times = []
    for _ in range(count):
        start = time.perf_counter()
        client = await connected(url)
        times.append((time.perf_counter() - start) * 1e3)
        await client.disconnect()
    report(p50_ms=percentile(times, 0.5))


async def many(url, connections, count):
    each = count // connections
    clients = [await connected(url) for _ in range(connections)]
    done = asyncio.get_running_loop().create_future()
    missing = each * connections

    async def on_fragment(_data):
        nonlocal missing
        missing -= 1
        if missing == 0:
            done.set_result((cpu_seconds(), time.perf_counter()))

    for client in clients:
        client.on("fragment:processed", on_fragment)
    cpu, start = cpu_seconds(), time.perf_counter()
    await asyncio.gather(*(client.emit("burst", {"n": each, "size": 200}) for client in clients))
    cpu_after, end = await asyncio.wait_for(done, 120)
    events = each * connections
    report(cpu_us=(cpu_after - cpu) / events * 1e6, events_per_s=events / (end - start), peak_rss_mb=peak_mb())
    await asyncio.gather(*(client.disconnect() for client in clients))


async def idle(url, connections):
    first = connections // 10
    clients = [await connected(url) for _ in range(first)]
    before = peak_mb()
    clients += [await connected(url) for _ in range(connections - first)]
    report(kb=(peak_mb() - before) * 1e3 / (connections - first))
    await asyncio.gather(*(client.disconnect() for client in clients))


mode, url, *numbers = sys.argv[1:]
numbers = [int(number) for number in numbers]
allow_many_sockets()
if mode == "ack":
    asyncio.run(acknowledge(url, *numbers))
elif mode in ("connect", "idle", "many"):
    asyncio.run({"connect": connect, "idle": idle, "many": many}[mode](url, *numbers))
else:
    asyncio.run(burst(mode.replace("decode", "burst"), url, *numbers, decoding=mode.startswith("decode")))
