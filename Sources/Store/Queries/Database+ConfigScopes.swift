import FleetModel

extension Database {
    /// The scopes in which a key has a value other than `{}`, without reading the values: a menu may be large.
    public func configScopes(setting key: String) async throws(StoreError) -> [ConfigScope] {
        let statement = Statement(
            "config.scopes", "SELECT scope FROM config_value WHERE key = $1 AND value <> '{}'::jsonb"
        ) { $0.add(key) }
        return try await query(statement, idempotent: true).compactMap { $0.text(0).flatMap { ConfigScope($0) } }
    }
}
