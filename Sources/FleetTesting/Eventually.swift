/// Waits until `condition` holds, looking again after short pauses, for what no event announces (a row another process
/// writes). The deadline is generous: it only ends tests that have failed.
public func eventually(
    within deadline: Duration = .seconds(60), _ condition: () async throws -> Bool
) async throws -> Bool {
    let end = ContinuousClock.now + deadline
    while ContinuousClock.now < end {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(50))
    }
    return try await condition()
}
