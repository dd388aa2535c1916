// swift-tools-version: 6.2
import Foundation
import PackageDescription

// A package of its own, because its flags may not be in a package that others depend on. `make fuzz` builds and runs it.
// SocketIOLite and AudioPrint are here a second time (links to their sources), instrumented; what they depend on is not, which is faster.
let fuzzed: [SwiftSetting] = [.unsafeFlags(["-sanitize=fuzzer", "-enable-testing"])]
// The toolchain's libFuzzer without its own `main`; scripts/fuzz.sh finds it.
let libFuzzer = Context.environment["LIBFUZZER"] ?? "-lFuzzer"

// On executables: libFuzzer is C++.
let linked: [LinkerSetting] = [.unsafeFlags([libFuzzer]), .linkedLibrary("stdc++", .when(platforms: [.linux]))]

let package = Package(
  name: "Fuzzing",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
  ],
  targets: [
    .target(
      name: "SocketIOLite",
      dependencies: [
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOWebSocket", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "DequeModule", package: "swift-collections"),
      ],
      swiftSettings: fuzzed),
    .systemLibrary(
      name: "CFFTW", pkgConfig: "fftw3f", providers: [.apt(["libfftw3-dev"]), .brew(["fftw"])]),
    .target(
      name: "AudioPrint",
      dependencies: ["CFFTW", .product(name: "Subprocess", package: "swift-subprocess")],
      swiftSettings: fuzzed),
    .target(name: "Driver"),
    // Two programs, so that who fuzzes audio does not build BoringSSL, nor who fuzzes the protocol FFTW.
    .executableTarget(
      name: "FuzzAudio", dependencies: ["AudioPrint", "Driver"], swiftSettings: fuzzed, linkerSettings: linked),
    .executableTarget(
      name: "Fuzz",
      dependencies: [
        "SocketIOLite", "Driver",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
      ],
      swiftSettings: fuzzed, linkerSettings: linked),
  ],
  swiftLanguageModes: [.v6]
)
