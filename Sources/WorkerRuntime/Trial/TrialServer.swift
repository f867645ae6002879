import BotKit
import EventLoop
import FleetModel
import Glibc

/// The other side: this program as a trial process. It handles what comes on descriptor 0, one after another, until the
/// worker is gone.
enum TrialServer {
    /// In the environment of a trial process.
    static let variable = "FLEET_TRIAL"

    /// The first message of a trial process. One that ends before has tried nothing.
    static let ready: [UInt8] = Array("ready".utf8)

    static var isAsked: Bool { getenv(variable) != nil }

    static func serve(_ behaviours: BehaviourRegistry) async {
        guard let loop = try? EventLoop(name: "trial") else { return }
        // Without a worker there is nobody to work for, whatever a handler is doing.
        let socket = MessageSocket(descriptor: 0, loop: loop) { _exit(0) }
        await socket.send(ready)
        var known: [String: any Behaviour] = [:]
        while let message = await socket.next() {
            await socket.send(await Self.answer(message, behaviours, &known))
        }
        loop.shutdown()
    }

    private static func answer(
        _ message: [UInt8], _ behaviours: BehaviourRegistry, _ known: inout [String: any Behaviour]
    ) async -> [UInt8] {
        var answer: TrialAnswer
        do {
            let request = try TrialCoding.decode(TrialRequest.self, message)
            if known[request.behaviour] == nil { known[request.behaviour] = behaviours.make(request.behaviour) }
            let update = try UpdateEnvelope(body: [UInt8](request.update))
            let job = HandlerJob(
                id: 0, update: update, session: request.session.map { [UInt8]($0) },
                config: BotConfig(values: request.config, generation: request.generation))
            if let behaviour = known[request.behaviour] {
                answer = TrialAnswer(await job.run(behaviour, bot: request.bot))
            } else {
                answer = .failed("there is no behaviour '\(request.behaviour)'")
            }
        } catch {
            answer = .failed("\(error)")
        }
        return (try? TrialCoding.encode(answer)) ?? []
    }
}
