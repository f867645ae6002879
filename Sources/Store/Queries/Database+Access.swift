import Crypto
import FleetModel

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A bearer token of the control API as stored: never the token itself.
public struct APITokenRow: Sendable, Equatable {
    public let id: Int64
    public let name: String
    public let role: String
    public let createdAt: Timestamp
}

/// Who did what.
public struct AuditRow: Sendable, Equatable {
    public let id: Int64
    public let at: Timestamp
    public let actor: String
    public let action: String
    public let target: String
    /// JSON.
    public let detail: String?
}

extension Database {
    /// Makes a random token (256 bits) and stores its SHA-256. This is the only time it can be read.
    public func createAPIToken(name: String, role: String) async throws(StoreError) -> Secret {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let token = Secret("fleet_" + bytes.hexadecimal)
        try await addAPIToken(token, name: name, role: role)
        return token
    }

    /// Stores a token made elsewhere; one that is there already stays as it is.
    public func addAPIToken(_ token: Secret, name: String, role: String) async throws(StoreError) {
        let hash = Self.hash(token)
        let statement = Statement(
            "api_token.add",
            "INSERT INTO api_token (name, hash, role) VALUES ($1, $2, $3) ON CONFLICT (hash) DO NOTHING"
        ) {
            $0.add(name)
            $0.add(hash)
            $0.add(role)
        }
        _ = try await pipeline([statement], idempotent: true)
    }

    /// The row of this token; `nil` when it is not known. The look-up is by hash, so its time tells nothing.
    public func verifyAPIToken(_ token: Secret) async throws(StoreError) -> APITokenRow? {
        let hash = Self.hash(token)
        let statement = Statement(
            "api_token.verify",
            "SELECT id, name, role, created_at FROM api_token WHERE hash = $1"
        ) { $0.add(hash) }
        return try await query(statement, idempotent: true).first.flatMap { APITokenRow($0) }
    }

    public func apiTokens() async throws(StoreError) -> [APITokenRow] {
        let statement = Statement("api_token.list", "SELECT id, name, role, created_at FROM api_token ORDER BY id")
        return try await query(statement, idempotent: true).compactMap { APITokenRow($0) }
    }

    /// - Parameter detail: JSON, without secrets.
    public func audit(
        actor: String,
        action: String,
        target: String,
        detail: ConfigValue? = nil
    ) async throws(StoreError) {
        let statement = Statement(
            "audit.add",
            "INSERT INTO audit (actor, action, target, detail) VALUES ($1, $2, $3, $4::jsonb)"
        ) {
            $0.add(actor)
            $0.add(action)
            $0.add(target)
            $0.add(detail?.description)
        }
        _ = try await query(statement)
    }

    /// Newest first.
    public func auditTrail(limit: Int = 100) async throws(StoreError) -> [AuditRow] {
        let statement = Statement(
            "audit.list",
            "SELECT id, at, actor, action, target, detail::text FROM audit ORDER BY id DESC LIMIT $1"
        ) { $0.add(Int64(limit)) }
        return try await query(statement, idempotent: true).compactMap { row in
            guard let id = row.int64(0), let at = row.timestamp(1), let actor = row.text(2), let action = row.text(3),
                let target = row.text(4)
            else { return nil }
            return AuditRow(id: id, at: at, actor: actor, action: action, target: target, detail: row.text(5))
        }
    }

    private static func hash(_ token: Secret) -> [UInt8] {
        Array(SHA256.hash(data: Data(token.reveal().utf8)))
    }
}

extension APITokenRow {
    fileprivate init?(_ row: QueryResult.Row) {
        guard let id = row.int64(0), let name = row.text(1), let role = row.text(2), let createdAt = row.timestamp(3)
        else { return nil }
        self.init(id: id, name: name, role: role, createdAt: createdAt)
    }
}
