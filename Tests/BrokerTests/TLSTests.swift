import CRabbitMQ
import Foundation
import Logging
import Testing

@testable import Broker

/// A certificate for `localhost`, signed by itself, in files of its own. Made by the `openssl` command.
final class TestCertificate: Sendable {
    private let folder: URL
    var certificate: String { folder.appendingPathComponent("cert.pem").path }
    private var key: String { folder.appendingPathComponent("key.pem").path }

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let openssl = Process()
        openssl.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        openssl.arguments =
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-days", "2",
            ]
            + [
                "-keyout", key, "-out", certificate, "-subj", "/CN=localhost", "-addext",
                "subjectAltName=DNS:localhost",
            ]
        openssl.standardError = FileHandle.nullDevice
        try openssl.run()
        openssl.waitUntilExit()
        guard openssl.terminationStatus == 0 else { throw FakeBroker.Failure("openssl made no certificate") }
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// The server's side of the handshake, then `body`.
    func accept(_ descriptor: Int32, _ body: (OpaquePointer) throws -> Void) throws {
        // OpenSSL's own socket writes raise SIGPIPE when the client is gone. Only for this thread: the client must not.
        var pipe = sigset_t()
        sigemptyset(&pipe)
        sigaddset(&pipe, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &pipe, nil)
        guard let context = SSL_CTX_new(TLS_server_method()) else { throw FakeBroker.Failure("no TLS context") }
        defer { SSL_CTX_free(context) }
        SSL_CTX_use_certificate_chain_file(context, certificate)
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM)
        guard let tls = SSL_new(context) else { throw FakeBroker.Failure("no TLS session") }
        defer { SSL_free(tls) }
        SSL_set_fd(tls, descriptor)
        guard SSL_accept(tls) == 1 else { throw FakeBroker.Failure("no handshake") }
        try body(tls)
    }
}

@Suite(.timeLimit(.minutes(1))) struct TLSTests {
    private func code(_ url: String) async throws -> BrokerError.Code? {
        do throws(BrokerError) {
            await (try ConnectionFaultTests.open(try BrokerConfiguration(url: url, name: "test"))).close()
            return nil
        } catch {
            return error.code
        }
    }

    @Test func everythingTravelsOverTLSBothWays() async throws {
        let certificate = try TestCertificate()
        let size = 300_000
        let fake = try FakeBroker(tls: certificate) { peer in
            try peer.logIn()
            try peer.confirmMode()
            // Reads everything first, so that the client's writes stand still now and then; checks each byte.
            for number in 0..<40 {
                try peer.expect(Method.basicPublish)
                var body: [UInt8] = []
                _ = try peer.readFrame()
                while body.count < size { body += try peer.readFrame().payload }
                guard body == [UInt8](repeating: UInt8(number), count: size) else { return }
            }
            // All confirms and a large return in one burst: more than a TLS record.
            let echo = Publication(routingKey: "other", body: [UInt8](repeating: 5, count: size))
            try peer.send {
                $0.method(Method.basicReturn, channel: 1) {
                    $0.put(UInt16(312))
                    $0.put(short: "NO_ROUTE")
                    $0.put(short: "")
                    $0.put(short: "q")
                }
                // A publication's content without its method, which is 22 bytes here.
                var content = FrameWriter(frameMax: 131_072)
                content.publication(echo, channel: 1)
                $0.put(raw: content.bytes[22...])
                $0.method(Method.basicAck, channel: 1) {
                    $0.put(UInt64(40))
                    $0.put(UInt8(1))
                }
            }
            try peer.expect(Method.connectionClose)
            try peer.send { $0.method(Method.connectionCloseOk, channel: 0) }
        }
        var configuration = try BrokerConfiguration(url: "amqps://u:p@localhost:\(fake.port)", name: "test")
        configuration.caFile = certificate.certificate
        let connection = try await ConnectionFaultTests.open(configuration)
        let publisher = try await Publisher.open(on: connection)
        let outcomes = try await publisher.publish(
            (0..<40).map { Publication(routingKey: "q", body: [UInt8](repeating: UInt8($0), count: size)) }
        )
        var expected = [PublishOutcome](repeating: .confirmed, count: 40)
        expected[5] = PublishOutcome.returned(code: 312, text: "NO_ROUTE")
        #expect(outcomes == expected)
        await connection.close()
        #expect(await connection.waitUntilClosed() == nil)
    }

    @Test func aCertificateThatIsNotTrustedOrNotForThisHost() async throws {
        let certificate = try TestCertificate()
        let fake = try FakeBroker(tls: certificate) { $0.waitForTheEnd() }
        #expect(try await code("amqps://localhost:\(fake.port)") == .tls)
        #expect(try await code("amqps://127.0.0.1:\(fake.port)?cacertfile=\(certificate.certificate)") == .tls)
        #expect(try await code("amqps://localhost:\(fake.port)?cacertfile=/no/such/file") == .tls)
    }
}
