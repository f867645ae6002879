// swift-tools-version: 6.1
import PackageDescription

// FLEET_STRICT=1 turns warnings into errors; `./run` sets it. Packages that depend on this one cannot, so it is no default.
let strict: [SwiftSetting] = Context.environment["FLEET_STRICT"] == "1" ? [.unsafeFlags(["-warnings-as-errors"])] : []
let settings: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ] + strict

let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let ordered = Target.Dependency.product(name: "OrderedCollections", package: "swift-collections")
let http = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let yaml = Target.Dependency.product(name: "Yams", package: "Yams")

func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}
func executable(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

let package = Package(
    name: "BotFleet",
    products: [
        .executable(name: "bot-worker", targets: ["BotWorker"]),
        .executable(name: "fleet-gateway", targets: ["FleetGateway"]),
        .executable(name: "fleet-coordinator", targets: ["FleetCoordinator"]),
        .executable(name: "fleetctl", targets: ["FleetCtl"]),
        .executable(name: "telegram-simulator", targets: ["TelegramSimulator"]),
        .executable(name: "fleet-chaos", targets: ["FleetChaos"]),
        .executable(name: "chaos-worker", targets: ["ChaosWorker"]),
        .library(name: "ClockJump", type: .dynamic, targets: ["CClockJump"]),
        .library(name: "BotKit", targets: ["BotKit"]),
        // For worker binaries with behaviours of their own.
        .library(name: "WorkerCommand", targets: ["WorkerCommand"]),
        // For Benchmarks, which is a package of its own.
        .library(
            name: "FleetParts",
            targets: [
                "Broker", "FleetControl", "FleetModel", "FleetTesting", "HTTPTransport", "LocalServices", "Store",
            ]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.0.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.6.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.10.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
    ],
    targets: [
        // C libraries: a module map and a shim, nothing else.
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CRabbitMQ", pkgConfig: "librabbitmq", providers: [.apt(["librabbitmq-dev"])]),
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),

        // Foundations.
        library("FleetModel", []),
        library("EventLoop", ["CLinux"]),
        library("Broker", ["CRabbitMQ", "EventLoop", log, deque]),
        library("Store", ["CPostgres", "EventLoop", "FleetModel", log, deque, crypto]),
        library("HTTPTransport", ["CCurl", "EventLoop"]),
        library("TelegramAPI", ["HTTPTransport", "FleetModel", log, deque]),
        library("BotKit", ["FleetModel", log]),
        library("FleetControl", ["Broker", "EventLoop", "FleetModel", log]),

        // What the processes are made of.
        library(
            "WorkerRuntime",
            [
                "BotKit", "CLinux", "EventLoop", "FleetControl", "FleetLogging", "Broker", "Store", "HTTPTransport",
                "TelegramAPI",
                "FleetModel",
                log, deque, heap,
            ]
        ),
        // The worker's command line, for this project's binary and for those with behaviours of their own.
        library(
            "WorkerCommand",
            ["WorkerRuntime", "BotKit", "Broker", "FleetLogging", "FleetModel", "Store", arguments, log, signals]
        ),
        library(
            "Gateway",
            [
                "TelegramAPI", "HTTPTransport", "FleetControl", "Broker", "Store", "EventLoop", "FleetModel", log,
                crypto,
            ]
        ),
        // Apart from Gateway, which stays free of NIO.
        library("GatewayHTTP", ["Gateway", log, lifecycle, http]),
        library(
            "Coordinator",
            [
                "FleetControl", "Broker", "Store", "TelegramAPI", "HTTPTransport", "FleetModel", "EventLoop", "CLinux",
                log, lifecycle, signals, crypto, http,
            ]
        ),
        library("FleetLogging", ["FleetModel", log]),
        library("TelegramSimulation", ["FleetModel", deque]),
        library("LocalServices", ["CLinux"]),
        library(
            "FleetCtlKit",
            ["LocalServices", "TelegramAPI", "HTTPTransport", "Broker", "Store", "FleetModel", log, yaml]
        ),

        // Thin executables: parse, wire, run.
        executable("BotWorker", ["WorkerCommand", "BotKit"]),
        executable(
            "FleetGateway",
            [
                "Gateway", "GatewayHTTP", "Broker", "FleetControl", "Store", "HTTPTransport", "TelegramAPI",
                "FleetLogging", "FleetModel", arguments, log, lifecycle, signals,
            ]
        ),
        executable(
            "FleetCoordinator",
            ["Coordinator", "FleetLogging", "Broker", "Store", "FleetModel", arguments, log, signals]),
        executable(
            "FleetCtl",
            ["FleetCtlKit", "LocalServices", "HTTPTransport", "Broker", "Store", "FleetModel", arguments, log, signals]),
        executable(
            "TelegramSimulator",
            ["TelegramSimulation", "HTTPTransport", arguments, signals, nioCore, nioPosix, nioHTTP]
        ),

        // The fault suite: nothing that is shipped links it.
        .target(name: "CClockJump"),
        library(
            "ChaosKit",
            ["FleetCtlKit", "LocalServices", "HTTPTransport", "EventLoop", "Store", "FleetModel", log]),
        executable("FleetChaos", ["ChaosKit", "FleetCtlKit", "LocalServices", "HTTPTransport", arguments, signals]),
        executable("ChaosWorker", ["WorkerCommand", "BotKit", "FleetModel"]),
        // A worker whose behaviour fails, hangs and crashes as it is told, for tests.
        .executableTarget(
            name: "TroubleWorker", dependencies: ["WorkerCommand", "BotKit", "FleetModel"], path: "Tests/TroubleWorker",
            swiftSettings: settings),

        // Tests. Those named after a target need no server; IntegrationTests use real ones.
        library("FleetTesting", ["Broker", "HTTPTransport", "LocalServices", "Store", "FleetModel", log]),
        tests("FleetModelTests", ["FleetModel"]),
        tests("FleetLoggingTests", ["FleetLogging", "FleetModel", log]),
        tests("BotKitTests", ["BotKit", "FleetModel"]),
        tests(
            "WorkerRuntimeTests",
            ["WorkerRuntime", "BotKit", "Broker", "FleetModel", "HTTPTransport", "Store", "TelegramAPI", log]
        ),
        tests("EventLoopTests", ["EventLoop"]),
        tests("BrokerTests", ["Broker", "EventLoop", "CRabbitMQ", log]),
        tests("HTTPTransportTests", ["HTTPTransport", "EventLoop", "FleetTesting"]),
        tests("TelegramAPITests", ["TelegramAPI", "HTTPTransport", "FleetModel", "FleetTesting"]),
        tests("GatewayTests", ["Gateway", "TelegramAPI", "Broker", "HTTPTransport", "Store", "FleetModel", log]),
        tests("LocalServicesTests", ["LocalServices"]),
        tests("FleetCtlTests", ["FleetCtlKit", "HTTPTransport", "LocalServices", "FleetModel"]),
        tests("ChaosTests", ["ChaosKit", "FleetModel"]),
        tests("FleetControlTests", ["FleetControl", "FleetModel"]),
        tests("CoordinatorTests", ["Coordinator", "Broker", "FleetControl", "Store", "FleetModel", log, http]),
        tests("StoreTests", ["Store", "FleetModel"]),
        tests("TelegramSimulationTests", ["TelegramSimulation", "FleetModel"]),
        tests(
            "IntegrationTests",
            [
                "FleetTesting", "Coordinator", "FleetControl", "Gateway", "GatewayHTTP", "HTTPTransport", "Broker",
                "LocalServices",
                "Store",
                "TelegramAPI", "FleetModel", log,
            ]
        ),
    ]
)
