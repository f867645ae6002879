import ArgumentParser
import LocalServices

struct HomeOptions: ParsableArguments {
    @Option(help: "Directory of the local fleet. [FLEET_HOME, else .fleet]")
    var home: String?

    var directory: ServiceHome { ServiceHome(home ?? Environment.value("FLEET_HOME") ?? ".fleet") }
}
