import ArgumentParser

struct FleetCtl: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fleetctl",
        abstract: "Runs and steers a fleet of bots.",
        discussion: """
            Exit status: 0 done; 1 not done, stderr says why; 2 the command line was not understood; \
            3 sent, but somebody did not apply it.
            """,
        subcommands: [Services.self]
    )
}
