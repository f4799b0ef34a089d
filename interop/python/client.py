"""Makes the calls that it reads from standard input, one JSON object a line, with the clients that a Python program
would have: `client.py grpcio` with those of grpcio, `client.py connectrpc` with those of connectrpc. Writes one line for
each call, in the order in which they end. The end of the input cancels what is in flight and ends the program."""

import asyncio
import json
import sys

import answer


async def main(kind):
    if kind == "grpcio":
        from grpcio_calls import call
    else:
        from connectrpc_calls import call
    calls = set()
    while line := await asyncio.to_thread(sys.stdin.readline):
        task = asyncio.create_task(answered(call, json.loads(line)))
        calls.add(task)
        task.add_done_callback(calls.discard)
    for task in calls:
        task.cancel()
    await asyncio.gather(*calls)


async def answered(call, request):
    """Makes a call, cancels it when the request says so, and writes the answer."""
    messages = []

    def received(message):
        messages.append(message)
        if len(messages) == request.get("cancelAfterMessages"):
            task.cancel()

    task = asyncio.create_task(call(request, received))
    if (ms := request.get("cancelAfterMs")) is not None:
        asyncio.get_running_loop().call_later(ms / 1000, task.cancel)
    try:
        line = answer.to_json(request["id"], messages, await task)
    except asyncio.CancelledError:
        canceled = answer.Ended("canceled", "the client canceled the call")
        line = answer.to_json(request["id"], messages, canceled)
    except Exception as error:  # a method that there is not, a request that is not of its type, a bug of this program
        line = {"id": request["id"], "broken": f"{type(error).__name__}: {error}"}
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in ("grpcio", "connectrpc"):
        sys.exit("usage: client.py grpcio|connectrpc")
    asyncio.run(main(sys.argv[1]))
