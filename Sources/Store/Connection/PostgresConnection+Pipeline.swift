import CPostgres

extension PostgresConnection {
    /// Sends all statements and one Sync, then reads all results: one transaction, one round trip. No statements: a
    /// bare Sync, as a sign of life.
    func pipeline(_ statements: [Statement], timeout: Duration, _ completion: @escaping Completion) {
        guard let handle, case .none = work else {
            return completion(.failure(StoreError(.unreachable, "the database connection is not ready")))
        }
        work = .pipeline(completion)
        setDeadline(timeout)
        var steps: [PipelineRun<QueryResult>.Step] = []
        steps.reserveCapacity(statements.count * 2)
        var sent = true
        for statement in statements where sent {
            guard statement.parameters.bytes.count < Int32.max, statement.parameters.count <= 65_535 else {
                return refuse("statement '\(statement.name)' is too large", .server("54000"))
            }
            let named = configuration.preparedStatements && !statement.name.isEmpty
            if named, prepared.insert(statement.name).inserted {
                // Taken out again below when the server does not accept it.
                steps.append(.prepare(statement.name))
                let types = statement.parameters.types
                sent = PQsendPrepare(handle.raw, statement.name, statement.sql, Int32(types.count), types) == 1
            }
            steps.append(.execute)
            sent = sent && scratch.send(statement, prepared: named, on: handle.raw)
        }
        run = PipelineRun(steps)
        guard sent, PQpipelineSync(handle.raw) == 1 else {
            return refuse("cannot send to PostgreSQL at \(configuration.endpoint): \(handle.errorText)")
        }
        flush()
    }

    /// The Sync was never sent, so nothing can have been committed.
    private func refuse(_ reason: String, _ code: StoreError.Code = .unreachable) {
        finish(.failure(StoreError(code, reason)), close: true)
    }

    /// Several statements as one text, without parameters or results; for migrations. One transaction, unless the text
    /// says otherwise.
    func script(_ sql: String, timeout: Duration, _ completion: @escaping Completion) {
        guard let handle, case .none = work else {
            return completion(.failure(StoreError(.unreachable, "the database connection is not ready")))
        }
        work = .script(completion, nil)
        setDeadline(timeout)
        // The simple protocol, which alone takes several statements, has no place in pipeline mode.
        guard PQexitPipelineMode(handle.raw) == 1, PQsendQuery(handle.raw, sql) == 1 else {
            return refuse("cannot send to PostgreSQL at \(configuration.endpoint): \(handle.errorText)")
        }
        flush()
    }

    /// Reads every result that has arrived whole. Asking for more would block the thread.
    func drainResults() {
        while let handle, PQisBusy(handle.raw) == 0 {
            switch work {
            case .pipeline:
                if drainOne(PQgetResult(handle.raw)) { return }
            case .script(let completion, let failure):
                guard let raw = PQgetResult(handle.raw) else { return endScript(handle, failure) }
                let result = ResultHandle(raw)
                if failure == nil, PQresultStatus(result.raw) == PGRES_FATAL_ERROR {
                    work = .script(completion, StoreError(result.raw))
                }
            case .connecting, .none, .closed: return
            }
        }
    }

    private func endScript(_ handle: ConnectionHandle, _ failure: StoreError?) {
        // A script that failed inside a transaction of its own leaves it open: such a connection is not used again.
        let clean = PQtransactionStatus(handle.raw) == PQTRANS_IDLE && PQenterPipelineMode(handle.raw) == 1
        finish(failure.map { .failure($0) } ?? .success([]), close: !clean)
    }

    /// - Returns: whether the pipeline ended.
    private func drainOne(_ raw: OpaquePointer?) -> Bool {
        guard let raw else { return step(.end) }
        let result = ResultHandle(raw)
        switch PQresultStatus(raw) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: return step(.result(QueryResult(result)))
        case PGRES_PIPELINE_SYNC: return step(.sync)
        case PGRES_PIPELINE_ABORTED: return step(.skipped)
        case PGRES_FATAL_ERROR:
            let error = StoreError(raw)
            // Without a SQLSTATE it was libpq that noticed a broken connection.
            return step(error.outcomeUnknown ? .lost(error) : .failure(error))
        default:
            return step(.lost(StoreError(.protocolViolation, "a statement wants to copy data", outcomeUnknown: true)))
        }
    }

    private func step(_ event: PipelineRun<QueryResult>.Event) -> Bool {
        guard case .finished(let result) = run.received(event) else { return false }
        if case .failure(let error) = result {
            forgetUnprepared()
            if case .sync = event {
                // A statement that is not known there, or not valid any more, is prepared again on a new connection.
                finish(result, close: error.code == .server("26000") || error.code == .server("0A000"))
            } else {
                finish(result, close: true)
            }
        } else {
            finish(result, close: false)
        }
        return true
    }

    private func forgetUnprepared() {
        for case .prepare(let name) in run.steps where !run.prepared.contains(name) { prepared.remove(name) }
    }
}

/// Room for the pointers a send needs, kept from one statement to the next.
struct ParameterScratch {
    private var values: [UnsafePointer<CChar>?] = []
    private var formats: [Int32] = []

    mutating func send(_ statement: Statement, prepared: Bool, on connection: OpaquePointer) -> Bool {
        let parameters = statement.parameters
        let count = parameters.count
        while formats.count < count { formats.append(1) }
        return parameters.bytes.withUnsafeBytes { bytes in
            let base = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
            values.removeAll(keepingCapacity: true)
            for offset in parameters.offsets { values.append(offset < 0 ? nil : base.map { $0 + Int(offset) }) }
            let sent =
                prepared
                ? PQsendQueryPrepared(
                    connection, statement.name, Int32(count), values, parameters.lengths, formats, 1)
                : PQsendQueryParams(
                    connection, statement.sql, Int32(count), parameters.types, values, parameters.lengths, formats, 1)
            return sent == 1
        }
    }
}
