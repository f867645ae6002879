import FleetTesting
import Foundation
import LocalServices
import Testing

/// Servers that go away in the middle of load and come back: the worker goes on by itself, and the counts are right.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ServerRestartTests {
    @Test func rabbitMQRestarted() async throws {
        try await PrivateServers.with { servers in
            try await WorkerFixture.with(servers: servers) { fixture in
                let worker = try await fixture.startWorker()
                try await fixture.inject(count: 4000, chats: 40)
                #expect(try await eventually { try await fixture.scalar("SELECT count(*) FROM inbox") > 300 })
                try await servers.restart(.rabbitmq)
                try await fixture.inject(first: 4001, count: 1000, chats: 40)
                #expect(try await fixture.settles(5000), "\(worker.stderr)")
                try await fixture.expectExactlyOnce(1...5000, chats: 40)
                worker.signal(SIGTERM)
                #expect(await worker.exit() == 0)
            }
        }
    }

    @Test func postgreSQLRestarted() async throws {
        try await PrivateServers.with { servers in
            try await WorkerFixture.with(servers: servers) { fixture in
                let worker = try await fixture.startWorker()
                try await fixture.inject(count: 4000, chats: 40)
                #expect(try await eventually { try await fixture.scalar("SELECT count(*) FROM inbox") > 300 })
                try await servers.restart(.postgres)
                try await fixture.inject(first: 4001, count: 1000, chats: 40)
                #expect(try await fixture.settles(5000), "\(worker.stderr)")
                try await fixture.expectExactlyOnce(1...5000, chats: 40)
            }
        }
    }
}
