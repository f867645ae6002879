import Glibc

/// Runs blocking calls on a thread of their own, so that they do not hold up the concurrent pool.
public enum Blocking {
    public static func run<Value: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let result: Result<Value, Failure> = await withCheckedContinuation { continuation in
            let box = Box {
                do throws(Failure) {
                    continuation.resume(returning: .success(try body()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
            var thread = pthread_t()
            let retained = Unmanaged.passRetained(box)
            if pthread_create(&thread, nil, blockingThread, retained.toOpaque()) == 0 {
                pthread_detach(thread)
            } else {
                // No thread to be had: better here than not at all.
                retained.takeRetainedValue().body()
            }
        }
        return try result.get()
    }

    fileprivate final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}

private func blockingThread(_ raw: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let raw else { return nil }
    Unmanaged<Blocking.Box>.fromOpaque(raw).takeRetainedValue().body()
    return nil
}
