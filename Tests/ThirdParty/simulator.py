"""Starts a telegram-simulator for a test case and speaks to its control API."""

import asyncio
import json
import logging
import os
import subprocess
import unittest
import urllib.error
import urllib.request


# What the clients say about the errors that the tests provoke.
logging.disable(logging.CRITICAL)


class Simulator:
    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [os.environ["SIMULATOR"], "--listen", "127.0.0.1:0", "--seed", "1", *arguments],
            stderr=subprocess.PIPE,
            text=True,
        )
        ready = self.process.stderr.readline()
        assert "listening on " in ready, ready
        self.url = ready.split("listening on ")[1].split()[0]

    def stop(self):
        self.process.terminate()
        code = self.process.wait(10)
        self.process.stderr.close()
        assert code == 0, f"exit code {code}"

    def control(self, method, path, body=None):
        """A request to the control API; errors come back as their JSON."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + "/sim/" + path, data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return json.load(error)


class SimulatorTestCase(unittest.IsolatedAsyncioTestCase):
    """One simulator and one bot for each test."""

    DEADLINE = 30

    def setUp(self):
        self.simulator = Simulator()
        self.addCleanup(self.simulator.stop)
        bot = self.simulator.control("POST", "bots", {})["bots"][0]
        self.token, self.id = bot["token"], bot["id"]

    async def asyncSetUp(self):
        # The test case switches debugging on, which reports each slow step of a client.
        asyncio.get_running_loop().slow_callback_duration = 60

    async def control(self, method, path, body=None):
        return await asyncio.to_thread(self.simulator.control, method, path, body)

    async def bot_control(self, method, path, body=None):
        return await self.control(method, f"bots/{self.id}/{path}", body)

    async def say(self, text, chat=5):
        return await self.bot_control("POST", "say", {"chat": chat, "text": text})

    async def sent(self, chat=5):
        """What the bot did in a chat: (method, text)."""
        transcript = await self.bot_control("GET", f"transcript?chat={chat}")
        return [(e["method"], e["text"]) for e in transcript["entries"] if e["direction"] == "out"]
