import FleetModel

/// Compares what a binary knows with what a database has applied. No I/O.
struct MigrationPlan {
    let known: [Migration]
    let applied: [MigrationHistory.Entry]

    init(known: [Migration], applied: [MigrationHistory.Entry]) {
        self.known = known.sorted { $0.number < $1.number }
        self.applied = applied.sorted { $0.number < $1.number }
    }

    var statuses: [MigrationStatus] {
        let numbers = Set(known.map(\.number)).union(applied.map(\.number)).sorted()
        return numbers.compactMap { number in
            let migration = known.first { $0.number == number }
            let entry = applied.first { $0.number == number }
            switch (migration, entry) {
            case (let migration?, nil):
                return MigrationStatus(number: number, name: migration.name, state: .pending)
            case (let migration?, let entry?):
                let same = migration.checksum == entry.checksum
                return MigrationStatus(
                    number: number, name: migration.name,
                    state: same ? .applied(at: entry.at, milliseconds: entry.milliseconds) : .changed(at: entry.at))
            case (nil, let entry?):
                return MigrationStatus(number: number, name: entry.name, state: .unknown(at: entry.at))
            case (nil, nil): return nil
            }
        }
    }

    /// What is wrong with the applied ones; pending ones are not.
    var conflicts: [String] {
        var lines = statuses.compactMap { status -> String? in
            switch status.state {
            case .pending, .applied: nil
            case .changed:
                "migration \(status.label) was applied from another file; restore the file it was applied from"
            case .unknown: "migration \(status.label) is not known to this binary; the database is newer"
            }
        }
        let newest = applied.last?.number ?? 0
        for status in statuses where status.state == .pending && status.number < newest {
            lines.append("migration \(status.label) is pending, but \(newest) was applied before it; renumber it")
        }
        return lines
    }

    func up(to target: Int?) throws(StoreError) -> [Migration] {
        if let conflict = conflicts.first { throw StoreError(.migration, conflict) }
        if let target, target != 0, !known.contains(where: { $0.number == target }) {
            throw StoreError(.migration, "there is no migration \(target)")
        }
        let done = Set(applied.map(\.number))
        return known.filter { !done.contains($0.number) && $0.number <= target ?? .max }
    }

    func down(steps: Int) throws(StoreError) -> [Migration] {
        var out: [Migration] = []
        for entry in applied.reversed().prefix(max(0, steps)) {
            guard let migration = known.first(where: { $0.number == entry.number }) else {
                throw StoreError(.migration, "migration \(entry.number) is not known to this binary; use the newer one")
            }
            out.append(migration)
        }
        return out
    }
}

extension MigrationStatus {
    /// `0001_fleet`
    public var label: String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "_" + name
    }
}
