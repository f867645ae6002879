import Crypto
import FleetModel
import Store

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Checks bearer tokens. Only hashes are compared, in constant time, and only hashes are kept. A token found valid is
/// not asked for again for a few seconds, so a dashboard does not cost a query a request.
actor TokenCheck {
    private static let keptFor: Duration = .seconds(10)
    private static let bound = 64

    private struct Known {
        let hash: SHA256.Digest
        let author: String
        let until: ContinuousClock.Instant
    }

    private let database: Database
    private var known: [Known] = []

    init(database: Database) { self.database = database }

    func author(bearing token: Secret) async throws(StoreError) -> String? {
        let hash = SHA256.hash(data: Data(token.reveal().utf8))
        let now = ContinuousClock.now
        known.removeAll { $0.until < now }
        // Comparing digests takes the same time whatever they hold.
        if let hit = known.first(where: { $0.hash == hash }) { return hit.author }
        guard let row = try await database.verifyAPIToken(token) else { return nil }
        if known.count < Self.bound { known.append(Known(hash: hash, author: row.name, until: now + Self.keptFor)) }
        return row.name
    }
}

extension Fleet {
    func author(bearing token: Secret) async throws(APIFailure) -> String? {
        try await stored { () throws(StoreError) in try await tokens.author(bearing: token) }
    }
}
