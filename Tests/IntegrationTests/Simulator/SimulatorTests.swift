import Foundation
import HTTPTransport
import Testing

@Suite(.timeLimit(.minutes(2))) struct SimulatorTests {
    // MARK: The process

    @Test func writesItsPortAndEndsCleanly() throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("port-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        let process = try SimulatorUnderTest(["--port-file", file.path])
        // It is written before the ready line.
        #expect(try String(contentsOf: file, encoding: .utf8) == "\(process.port)\n")
        #expect(process.stop() == 0)
    }

    @Test func aTakenPortIsOneClearLine() throws {
        let process = try SimulatorUnderTest()
        defer { process.stop() }
        let (code, text) = try SimulatorUnderTest.run(["--listen", "127.0.0.1:\(process.port)"])
        #expect(code == 1)
        #expect(text.contains("cannot listen on 127.0.0.1:\(process.port): Address already in use"))
        #expect(text.split(separator: "\n").count == 1)
    }

    @Test func aPortFileThatCannotBeWrittenIsOneClearLine() throws {
        let (code, text) = try SimulatorUnderTest.run(["--listen", "127.0.0.1:0", "--port-file", "/nowhere/port"])
        #expect(code == 1)
        #expect(text == "telegram-simulator: cannot write the port to /nowhere/port: No such file or directory\n")
    }

    // MARK: Calls

    @Test func parametersComeInFourWays() async throws {
        try await SimulatorClient.with { client in
            try await client.say("hi")
            #expect(try await client.call("sendMessage", #"{"chat_id":5,"text":"json é"}"#).ok)
            let form = try await client.call(
                "sendMessage", "chat_id=5&text=form+%C3%A9", type: "application/x-www-form-urlencoded")
            #expect(form.ok)
            let parts =
                "--b\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n5\r\n--b\r\n"
                + "Content-Disposition: form-data; name=\"text\"\r\n\r\nparts é\r\n--b--\r\n"
            #expect(try await client.call("sendMessage", parts, type: "multipart/form-data; boundary=b").ok)
            #expect(try await client.get("/bot\(client.token)/sendMessage?chat_id=5&text=query+%C3%A9").ok)
            #expect(try await client.sent() == ["json é", "form é", "parts é", "query é"])
        }
    }

    @Test func whatCannotBeServedIsRefusedAsTelegramDoes() async throws {
        try await SimulatorClient.with { client in
            #expect(try await client.get("/bot1:unknown/getMe").status == 401)
            #expect(try await client.get("/botnonsense/getMe").status == 404)
            #expect(try await client.get("/").status == 404)
            #expect(try await client.get("/sim/nowhere").status == 404)
            let malformed = try await client.call("sendMessage", "{")
            #expect(malformed.status == 400)
            #expect(malformed.description.hasPrefix("Bad Request: can't parse JSON"))
            let large = String(repeating: "x", count: (64 << 20) + 1)
            #expect(try await client.call("sendMessage", large).status == 413)
            #expect(try await client.call("getMe").ok)
        }
    }

    // MARK: Polls

    @Test func aPollIsAnsweredByTheUpdateItWaitsFor() async throws {
        try await SimulatorClient.with { client in
            async let poll = client.call("getUpdates", #"{"timeout":50}"#, deadline: .seconds(60))
            try await client.say("news")
            #expect(try await poll.texts == ["news"])
        }
    }

    @Test func aPollEndsWithItsTimeout() async throws {
        try await SimulatorClient.with { client in
            let answer = try await client.call("getUpdates", #"{"timeout":1}"#)
            #expect(answer.ok)
            #expect(answer.texts.isEmpty)
        }
    }

    @Test func oneOfTwoPollersGetsTheConflict() async throws {
        try await SimulatorClient.with { client in
            async let one = client.call("getUpdates", #"{"timeout":2}"#)
            async let other = client.call("getUpdates", #"{"timeout":2}"#)
            let statuses = [try await one.status, try await other.status]
            #expect(statuses.sorted() == [200, 409])
        }
    }

    // MARK: Faults

    @Test(arguments: ["reset", "half", "drop"])
    func aBrokenConnectionIsSeenAsOne(kind: String) async throws {
        try await SimulatorClient.with { client in
            try await client.say("hi")
            _ = try await client.control("faults", #"{"kind":"\#(kind)","method":"sendMessage","count":1}"#)
            let error = await #expect(throws: HTTPError.self) {
                _ = try await client.sendOverNewConnection("x")
            }
            #expect(error?.code == .connectionLost)
            // Whether it was sent is what the client cannot know.
            #expect(try await client.sent().count == (kind == "reset" ? 0 : 1))
        }
    }

    @Test(arguments: ["timeout", "silence"])
    func noAnswerRunsIntoTheDeadline(kind: String) async throws {
        try await SimulatorClient.with { client in
            try await client.say("hi")
            _ = try await client.control("faults", #"{"kind":"\#(kind)","count":1}"#)
            let error = await #expect(throws: HTTPError.self) {
                _ = try await client.call(
                    "sendMessage", #"{"chat_id":5,"text":"x"}"#, deadline: .milliseconds(300))
            }
            #expect(error?.code == .deadline)
            #expect(try await client.sent().count == (kind == "timeout" ? 0 : 1))
        }
    }

    @Test func errorsOnDemand() async throws {
        try await SimulatorClient.with { client in
            try await client.say("hi")
            _ = try await client.control(
                "faults",
                #"[{"kind":"internal_error","count":1},{"kind":"bad_gateway","count":1},{"kind":"too_many_requests","retry_after":9,"count":1}]"#
            )
            let body = #"{"chat_id":5,"text":"x"}"#
            #expect(try await client.call("sendMessage", body).status == 500)
            let gateway = try await client.call("sendMessage", body)
            #expect(gateway.status == 502)
            #expect(gateway.contentType == "text/html")
            let flood = try await client.call("sendMessage", body)
            #expect(flood.status == 429)
            #expect((flood.object["parameters"] as? [String: Any])?["retry_after"] as? Int == 9)
            #expect(try await client.call("sendMessage", body).ok)
        }
    }

    @Test func limitsHoldWhenTheFlagIsGiven() async throws {
        try await SimulatorClient.with(["--enforce-limits", "--accept-unknown"]) { client in
            // The burst is three; many more are sent at once, so that slowness cannot let them all pass.
            var statuses: [Int] = []
            for _ in 0..<40 {
                statuses.append(try await client.call("sendMessage", #"{"chat_id":8,"text":"x"}"#).status)
            }
            #expect(statuses.prefix(3) == [200, 200, 200])
            #expect(statuses.contains(429))
        }
    }

    // MARK: Webhooks

    @Test func anUpdateGoesToAWebhookUntilItIsTaken() async throws {
        // Another simulator serves as the receiver: what it takes is a call, and it answers with 401 until its bot
        // exists.
        try await SimulatorClient.with { receiver in
            try await SimulatorClient.with { client in
                let target = "\(receiver.url)/bot77:late/getUpdates"
                #expect(try await client.call("setWebhook", #"{"url":"\#(target)","max_connections":1}"#).ok)
                try await client.say("knock")
                _ = try await receiver.control("bots", #"{"token":"77:late"}"#)
                var confirmed: Int64?
                for _ in 0..<400 where confirmed == nil {
                    let counts = try await client.get("/sim/counts").object["total"] as? [String: Any]
                    confirmed = (counts?["confirmed"] as? NSNumber)?.int64Value == 1 ? 1 : nil
                    if confirmed == nil { try await Task.sleep(for: .milliseconds(25)) }
                }
                #expect(confirmed == 1)
                #expect(try await receiver.get("/sim/counts?bot=77").object["ok"] as? Bool == true)
            }
        }
    }
}
