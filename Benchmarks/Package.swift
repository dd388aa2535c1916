// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that nobody who uses the modules builds what measures them. `make bench` builds and runs it.
let package = Package(
  name: "Benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "swift-dubbing-e2e", path: "..")],
  targets: [
    .target(name: "BenchSupport"),
    .executableTarget(
      name: "SocketIOBench",
      dependencies: ["BenchSupport", .product(name: "SocketIOLite", package: "swift-dubbing-e2e")]),
    .executableTarget(
      name: "AudioBench", dependencies: ["BenchSupport", .product(name: "AudioPrint", package: "swift-dubbing-e2e")]),
    .executableTarget(
      name: "ComposeBench", dependencies: ["BenchSupport", .product(name: "ComposeKit", package: "swift-dubbing-e2e")]),
  ],
  swiftLanguageModes: [.v6]
)
