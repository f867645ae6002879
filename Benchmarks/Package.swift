// swift-tools-version: 6.1
import PackageDescription

// A package of its own, so that nobody who depends on BotFleet builds it.
let package = Package(
    name: "Benchmarks",
    dependencies: [
        .package(name: "BotFleet", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    ],
    targets: [
        .executableTarget(
            name: "FleetBench",
            dependencies: [
                .product(name: "FleetParts", package: "BotFleet"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ])
    ]
)
