"""aiogram 3, as its users write bots."""

import asyncio
import unittest

from aiogram import Bot, Dispatcher, F
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.filters import Command
from aiogram.types import (
    BotCommand,
    BufferedInputFile,
    CallbackQuery,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    Message,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
)
from aiogram.webhook.aiohttp_server import SimpleRequestHandler, setup_application
from aiohttp import web

from simulator import SimulatorTestCase


def inline(text, data):
    return InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text=text, callback_data=data)]])


class AiogramTests(SimulatorTestCase):
    def bot(self, token=None):
        api = TelegramAPIServer.from_base(self.simulator.url)
        bot = Bot(token or self.token, session=AiohttpSession(api=api, timeout=10))
        self.addAsyncCleanup(bot.session.close)
        return bot

    async def test_get_me(self):
        me = await self.bot().get_me()
        self.assertEqual(me.id, self.id)
        self.assertTrue(me.is_bot)
        with self.assertRaises(TelegramUnauthorizedError):
            await self.bot("123:unknown").get_me()

    async def test_polling_keyboards_and_callbacks(self):
        dispatcher, bot = Dispatcher(), self.bot()
        menu, done = asyncio.Event(), asyncio.Event()
        shown = []

        @dispatcher.message(Command("start"))
        async def start(message: Message):
            keyboard = ReplyKeyboardMarkup(keyboard=[[KeyboardButton(text="Menu")]], resize_keyboard=True)
            await message.answer("Hello", reply_markup=keyboard)

        @dispatcher.message(F.text == "Menu")
        async def show(message: Message):
            await message.answer("<b>Menu</b>", reply_markup=ReplyKeyboardRemove(), parse_mode="HTML")
            shown.append(await message.answer("Choose", reply_markup=inline("Go", "go:1")))
            menu.set()

        @dispatcher.callback_query(F.data == "go:1")
        async def go(query: CallbackQuery):
            edited = await query.message.edit_text("Gone", reply_markup=inline("Back", "back"))
            self.assertEqual(edited.text, "Gone")
            self.assertEqual(edited.reply_markup.inline_keyboard[0][0].callback_data, "back")
            await query.answer("there")
            done.set()

        polling = asyncio.create_task(dispatcher.start_polling(bot, handle_signals=False, polling_timeout=20))
        await self.say("/start")
        await self.say("Menu")
        async with asyncio.timeout(self.DEADLINE):
            await menu.wait()
            pressed = await self.bot_control(
                "POST", "press", {"chat": 5, "message_id": shown[0].message_id, "data": "go:1"}
            )
            self.assertTrue(pressed["ok"], pressed)
            await done.wait()
        await dispatcher.stop_polling()
        await polling
        self.assertEqual(
            await self.sent(),
            [
                ("sendMessage", "Hello"),
                ("sendMessage", "<b>Menu</b>"),
                ("sendMessage", "Choose"),
                ("editMessageText", "Gone"),
            ],
        )
        total = (await self.control("GET", "counts"))["total"]
        self.assertEqual((total["injected"], total["handed_out"], total["handed_out_again"]), (3, 3, 0))
        self.assertEqual(total["calls"]["answerCallbackQuery"], 1)

    async def test_offsets(self):
        bot = self.bot()
        for text in "abc":
            await self.say(text)
        updates = await bot.get_updates()
        self.assertEqual([u.message.text for u in updates], ["a", "b", "c"])
        first = updates[0].update_id
        self.assertEqual([u.update_id for u in updates], [first, first + 1, first + 2])
        again = await bot.get_updates(offset=first + 1, limit=1)
        self.assertEqual([u.message.text for u in again], ["b"])
        self.assertEqual([u.message.text for u in await bot.get_updates(offset=-1)], ["c"])
        self.assertEqual(await bot.get_updates(offset=first + 3), [])

    async def test_second_poller(self):
        bot = self.bot()
        polls = [asyncio.create_task(bot.get_updates(timeout=5)) for _ in range(2)]
        done, waiting = await asyncio.wait(polls, return_when=asyncio.FIRST_COMPLETED, timeout=self.DEADLINE)
        with self.assertRaisesRegex(TelegramConflictError, "terminated by other getUpdates request"):
            done.pop().result()
        await self.say("for the one that stays")
        self.assertEqual(len(await waiting.pop()), 1)

    async def test_errors(self):
        bot = self.bot()
        await self.say("hi")
        with self.assertRaisesRegex(TelegramBadRequest, "chat not found"):
            await bot.send_message(99, "x")
        with self.assertRaisesRegex(TelegramBadRequest, "message text is empty"):
            await bot.send_message(5, "")
        message = await bot.send_message(5, "x")
        with self.assertRaisesRegex(TelegramBadRequest, "message is not modified"):
            await message.edit_text("x")
        await message.delete()
        with self.assertRaisesRegex(TelegramBadRequest, "message to edit not found"):
            await message.edit_text("y")
        await self.bot_control("POST", "block", {"user": 5})
        with self.assertRaisesRegex(TelegramForbiddenError, "blocked by the user"):
            await bot.send_message(5, "x")

    async def test_limits_and_retry_after(self):
        bot = self.bot()
        await self.say("hi")
        await self.control(
            "POST", "faults", {"kind": "too_many_requests", "retry_after": 7, "method": "sendMessage", "count": 1}
        )
        with self.assertRaises(TelegramRetryAfter) as caught:
            await bot.send_message(5, "x")
        self.assertEqual(caught.exception.retry_after, 7)
        await bot.send_message(5, "x")
        await self.bot_control("POST", "settings", {"enforce_limits": True})
        with self.assertRaises(TelegramRetryAfter):
            for _ in range(10):
                await bot.send_message(5, "x")

    async def test_faults(self):
        bot = self.bot()
        await self.say("hi")

        async def fault(kind, **more):
            await self.control("POST", "faults", {"kind": kind, "method": "sendMessage", "count": 1, **more})

        await fault("internal_error")
        with self.assertRaises(TelegramServerError):
            await bot.send_message(5, "internal_error")
        for kind in ["reset", "half", "drop"]:
            await fault(kind)
            with self.assertRaises(TelegramNetworkError):
                await bot.send_message(5, kind)
        await fault("timeout")
        with self.assertRaises(TelegramNetworkError):
            await bot.send_message(5, "timeout", request_timeout=1)
        await fault("delay", ms=200)
        await bot.send_message(5, "delay")
        # A half answer and a dropped one were sent all the same.
        self.assertEqual([text for _, text in await self.sent()], ["half", "drop", "delay"])

    async def test_files_and_the_rest(self):
        bot = self.bot()
        await self.say("hi")
        photo = await bot.send_photo(5, BufferedInputFile(b"\x89PNG" + bytes(100_000), "a.png"), caption="c")
        self.assertEqual((photo.caption, photo.photo[0].file_size), ("c", 100_004))
        document = await bot.send_document(5, "AgAD-known-file", reply_markup=inline("A", "a"))
        self.assertEqual(document.document.file_id, "AgAD-known-file")
        self.assertTrue(await bot.send_chat_action(5, "typing"))
        self.assertEqual((await bot.get_chat(5)).id, 5)
        await bot.set_my_commands([BotCommand(command="start", description="Start")])
        self.assertEqual((await bot.get_my_commands())[0].command, "start")
        copy = await bot.copy_message(5, 5, 1)
        self.assertGreater(copy.message_id, document.message_id)

    async def test_webhook(self):
        dispatcher, bot = Dispatcher(), self.bot()
        done = asyncio.Event()
        refusals, secrets = [], []

        @dispatcher.message()
        async def echo(message: Message):
            await message.answer(message.text)
            if message.text == "last":
                done.set()
                # The answer to the webhook carries a call.
                return message.answer("by the way")

        @web.middleware
        async def failing_at_first(request, handler):
            secrets.append(request.headers.get("X-Telegram-Bot-Api-Secret-Token"))
            if len(refusals) < 2:
                refusals.append(await request.text())
                return web.Response(status=503)
            return await handler(request)

        application = web.Application(middlewares=[failing_at_first])
        SimpleRequestHandler(dispatcher, bot, handle_in_background=False, secret_token="s3cret-1").register(
            application, "/hook"
        )
        setup_application(application, dispatcher, bot=bot)
        runner = web.AppRunner(application)
        await runner.setup()
        self.addAsyncCleanup(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        await bot.set_webhook(f"http://127.0.0.1:{port}/hook", secret_token="s3cret-1", max_connections=1)
        with self.assertRaisesRegex(TelegramConflictError, "webhook is active"):
            await bot.get_updates()
        for text in ["first", "second", "last"]:
            await self.say(text)
        async with asyncio.timeout(self.DEADLINE):
            await done.wait()
            while (await bot.get_webhook_info()).pending_update_count:
                await asyncio.sleep(0.01)
        # Twice the first one was refused; nothing overtook it.
        self.assertEqual(refusals[0], refusals[1])
        self.assertEqual(set(secrets), {"s3cret-1"})
        sent = [text for _, text in await self.sent()]
        self.assertEqual(sent, ["first", "second", "last", "by the way"])
        total = (await self.control("GET", "counts"))["total"]
        self.assertEqual((total["confirmed"], total["webhook_failures"]), (3, 2))
        info = await bot.get_webhook_info()
        self.assertIn("503", info.last_error_message)
        self.assertTrue(await bot.delete_webhook())
        self.assertEqual(await bot.get_updates(), [])


if __name__ == "__main__":
    unittest.main()
