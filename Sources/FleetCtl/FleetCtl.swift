import ArgumentParser

struct FleetCtl: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fleetctl",
        abstract: "Runs and steers a fleet of bots.",
        discussion: """
            Exit status: 0 done; 1 not done, stderr says why; 2 the command line was not understood; \
            3 sent, but somebody did not apply it.
            """,
        groupedSubcommands: [
            CommandGroup(name: "A fleet on this machine", subcommands: [Up.self, Down.self, Services.self]),
            CommandGroup(name: "Bots and workers", subcommands: [Status.self, BotCommand.self, DoctorCommand.self]),
            CommandGroup(name: "Config", subcommands: [BroadcastConfig.self, Config.self]),
            CommandGroup(name: "Operation", subcommands: [DeadLetters.self, Load.self, Migrate.self]),
            CommandGroup(name: "To see it all at work", subcommands: [Demo.self]),
        ]
    )
}
