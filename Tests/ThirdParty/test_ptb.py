"""python-telegram-bot 22, as its users write bots."""

import asyncio
import datetime
import unittest

from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, ReplyKeyboardMarkup
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter, TimedOut
from telegram.ext import Application, CallbackQueryHandler, CommandHandler, MessageHandler, filters

from simulator import SimulatorTestCase


class PythonTelegramBotTests(SimulatorTestCase):
    def bot(self, token=None):
        return Bot(token or self.token, base_url=f"{self.simulator.url}/bot")

    async def test_get_me(self):
        async with self.bot() as bot:
            self.assertEqual((await bot.get_me()).id, self.id)
        with self.assertRaises(InvalidToken):
            await self.bot("123:unknown").initialize()

    async def test_polling_keyboards_and_callbacks(self):
        application = Application.builder().token(self.token).base_url(f"{self.simulator.url}/bot").build()
        menu, done = asyncio.Event(), asyncio.Event()
        shown = []

        async def start(update, _):
            await update.message.reply_text("Hello", reply_markup=ReplyKeyboardMarkup([["Menu"]]))

        async def show(update, _):
            markup = InlineKeyboardMarkup([[InlineKeyboardButton("Go", callback_data="go:1")]])
            shown.append(await update.message.reply_text("Choose", reply_markup=markup))
            menu.set()

        async def go(update, _):
            await update.callback_query.answer("there")
            edited = await update.callback_query.edit_message_text("Gone")
            self.assertEqual(edited.text, "Gone")
            done.set()

        application.add_handler(CommandHandler("start", start))
        application.add_handler(MessageHandler(filters.Text(["Menu"]), show))
        application.add_handler(CallbackQueryHandler(go, pattern="^go:"))
        async with application:
            await application.start()
            await application.updater.start_polling(timeout=20)
            await self.say("/start")
            await self.say("Menu")
            async with asyncio.timeout(self.DEADLINE):
                await menu.wait()
                await self.bot_control(
                    "POST", "press", {"chat": 5, "message_id": shown[0].message_id, "data": "go:1"}
                )
                await done.wait()
            await application.updater.stop()
            await application.stop()
        self.assertEqual(
            await self.sent(),
            [("sendMessage", "Hello"), ("sendMessage", "Choose"), ("editMessageText", "Gone")],
        )
        total = (await self.control("GET", "counts"))["total"]
        self.assertEqual((total["injected"], total["confirmed"], total["pending"]), (3, 3, 0))

    async def test_second_poller(self):
        # A Bot of this library polls one at a time; two instances are the usual accident.
        async with self.bot() as first, self.bot() as second:
            polls = [asyncio.create_task(bot.get_updates(timeout=5)) for bot in (first, second)]
            done, waiting = await asyncio.wait(polls, return_when=asyncio.FIRST_COMPLETED, timeout=self.DEADLINE)
            with self.assertRaisesRegex(Conflict, "terminated by other getUpdates request"):
                done.pop().result()
            await self.say("for the one that stays")
            self.assertEqual(len(await waiting.pop()), 1)

    async def test_errors(self):
        async with self.bot() as bot:
            await self.say("hi")
            with self.assertRaisesRegex(BadRequest, "Chat not found"):
                await bot.send_message(99, "x")
            await self.control(
                "POST", "faults", {"kind": "too_many_requests", "retry_after": 7, "bot": self.id, "count": 1}
            )
            with self.assertRaises(RetryAfter) as caught:
                await bot.send_message(5, "x")
            after = caught.exception.retry_after
            self.assertEqual(after if not isinstance(after, datetime.timedelta) else after.total_seconds(), 7)
            await self.control("POST", "faults", {"kind": "bad_gateway", "count": 1})
            with self.assertRaises(NetworkError):
                await bot.send_message(5, "x")
            await self.control("POST", "faults", {"kind": "silence", "count": 1})
            with self.assertRaises(TimedOut):
                await bot.send_message(5, "silence", read_timeout=1)
            self.assertEqual(await self.sent(), [("sendMessage", "silence")])
            await self.bot_control("POST", "block", {"user": 5})
            with self.assertRaises(Forbidden):
                await bot.send_message(5, "x")

    async def test_files(self):
        async with self.bot() as bot:
            await self.say("hi")
            message = await bot.send_document(5, b"content", filename="a.txt", caption="c")
            self.assertEqual((message.document.file_name, message.document.file_size), ("a.txt", 7))
            self.assertEqual((await bot.get_chat(5)).id, 5)


if __name__ == "__main__":
    unittest.main()
