// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that `swift build` of the kit never builds it, and it is always built for release.
let package = Package(
  name: "Evaluation",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "swift-dubbing-e2e", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
  ],
  targets: [
    .executableTarget(
      name: "Evaluation",
      dependencies: [
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "AudioPrint", package: "swift-dubbing-e2e"),
        .product(name: "Subprocess", package: "swift-subprocess"),
      ]),
    .testTarget(name: "EvaluationTests", dependencies: ["Evaluation"]),
  ],
  swiftLanguageModes: [.v6]
)
