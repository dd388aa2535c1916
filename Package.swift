// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "swift-dubbing-e2e",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "ComposeKit", targets: ["ComposeKit"]),
    .library(name: "SocketIOLite", targets: ["SocketIOLite"]),
    .library(name: "AudioPrint", targets: ["AudioPrint"]),
    .library(name: "ComposeTesting", targets: ["ComposeTesting"]),
    .library(name: "DubbingTesting", targets: ["DubbingTesting"]),
    .executable(name: "audioprint", targets: ["AudioPrintCLI"]),
    .executable(name: "siotap", targets: ["TapCLI"]),
    .executable(name: "dubbing-report", targets: ["DubbingReportCLI"]),
  ],
  traits: [
    .trait(
      name: "LibAV",
      description:
        "AudioPrint decodes files in its own process; needs the headers of FFmpeg 5.1 or newer (libavformat-dev and others)."
    ),
    // So that `LIBAV=1 make bench` and every other script has it, in the packages that depend on this one by path too.
    .default(enabledTraits: Context.environment["LIBAV"] == "1" ? ["LibAV"] : []),
  ],
  dependencies: [
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    // The three small modules know nothing of each other and nothing of dubbing.
    .target(
      name: "ComposeKit",
      dependencies: [
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ]),
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
      ]),
    .systemLibrary(
      name: "CFFTW", pkgConfig: "fftw3f", providers: [.apt(["libfftw3-dev"]), .brew(["fftw"])]),
    .systemLibrary(
      name: "CLibAV", pkgConfig: "libavformat",
      providers: [
        .apt(["libavformat-dev", "libavcodec-dev", "libswresample-dev", "libavutil-dev"]), .brew(["ffmpeg"]),
      ]),
    .systemLibrary(name: "CKernels"),
    .target(
      name: "AudioPrint",
      dependencies: [
        "CFFTW", .target(name: "CLibAV", condition: .when(traits: ["LibAV"])),
        .target(name: "CKernels", condition: .when(traits: ["LibAV"])),
        .product(name: "Subprocess", package: "swift-subprocess"),
      ]),

    // What joins them with Swift Testing.
    .target(name: "ComposeTesting", dependencies: ["ComposeKit"]),
    .target(
      name: "DubbingTesting",
      dependencies: [
        "ComposeKit", "SocketIOLite", "AudioPrint", "ComposeTesting",
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "Logging", package: "swift-log"),
      ]),

    .executableTarget(
      name: "AudioPrintCLI",
      dependencies: [
        "AudioPrint",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ]),
    .executableTarget(
      name: "TapCLI",
      dependencies: [
        "SocketIOLite",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ]),
    .executableTarget(
      name: "DubbingReportCLI",
      dependencies: ["DubbingTesting", .product(name: "ArgumentParser", package: "swift-argument-parser")]),

    // What README and the articles show: compiled with everything else, run by nothing, in no product.
    .target(
      name: "DocumentationSnippets",
      dependencies: ["ComposeKit", "SocketIOLite", "AudioPrint", "ComposeTesting", "DubbingTesting"],
      // As somebody's own package sees them: `package` declarations are out of reach.
      path: "Tests/Snippets", exclude: ["README.md"], packageAccess: false),

    // A process that owns a compose project, for tests that kill it.
    .executableTarget(name: "ComposeOwner", dependencies: ["ComposeKit"], path: "Tests/Support/ComposeOwner"),
    .testTarget(
      name: "ComposeKitTests",
      dependencies: [
        "ComposeKit", "ComposeOwner", "ComposeTesting", .product(name: "Subprocess", package: "swift-subprocess"),
      ]),
    .testTarget(
      name: "SocketIOLiteTests",
      dependencies: [
        "SocketIOLite", "TapCLI", "ComposeTesting",
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      exclude: ["Peers"]),
    .testTarget(
      name: "AudioPrintTests",
      dependencies: [
        "AudioPrint", "AudioPrintCLI", "CKernels", "ComposeTesting",
        .product(name: "Subprocess", package: "swift-subprocess"),
      ],
      resources: [.copy("Resources")]),
    .testTarget(
      name: "ComposeTestingTests",
      dependencies: ["ComposeTesting", "ComposeKit", .product(name: "Subprocess", package: "swift-subprocess")]),
    .testTarget(
      name: "DubbingTestingTests",
      dependencies: [
        "DubbingTesting", "DubbingReportCLI", "ComposeKit",
        .product(name: "Subprocess", package: "swift-subprocess"),
      ],
      resources: [.copy("Reports")]),
    .testTarget(name: "E2E", dependencies: ["DubbingTesting"]),
  ],
  swiftLanguageModes: [.v6]
)

// Sound is transformed ten times slower without optimisation, and tests of it take minutes. Not where this package was fetched: by
// PackageDescription's documentation nobody could depend on it then (SwiftPM 6.3.1 takes it all the same).
let fetched = ["checkouts", "downloads"].contains {
  Context.packageDirectory.split(separator: "/").contains(Substring($0))
}
if !fetched, Context.environment["E2E_DEBUG_UNOPTIMIZED"] != "1" {
  for target in package.targets where ["AudioPrint", "AudioPrintTests"].contains(target.name) {
    target.swiftSettings = (target.swiftSettings ?? []) + [.unsafeFlags(["-O"], .when(configuration: .debug))]
  }
}

// CI treats warnings as errors, in this package only: `-Xswiftc -warnings-as-errors` would reach its dependencies too.
if Context.environment["WARNINGS_AS_ERRORS"] == "1" {
  for target in package.targets where target.type != .system {
    target.swiftSettings = (target.swiftSettings ?? []) + [.treatAllWarnings(as: .error)]
  }
}
