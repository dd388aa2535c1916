// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that what needs the headers of FFmpeg's libraries is built only where they are; it turns the trait on.
// scripts/libav-tests.sh runs it.
let package = Package(
  name: "LibAV",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "swift-dubbing-e2e", path: "..", traits: ["LibAV"]),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
  ],
  targets: [
    .testTarget(
      name: "LibAVTests",
      dependencies: [
        .product(name: "AudioPrint", package: "swift-dubbing-e2e"),
        .product(name: "Subprocess", package: "swift-subprocess"),
      ])
  ],
  swiftLanguageModes: [.v6]
)
